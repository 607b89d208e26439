"""The manifest of a release: for every config, how its rows came to be there.

    {"kind": "release", "seed": 0, "pool": {"fingerprint": "386e318f…", …},
     "configs": [{"name": "disagree-10k", "rule": "Questions on which …", "eligible": 18230,
                  "rows": 10000, "files": [{"path": "…", "sha256": "…"}], …}], …}

The data card is made from it and from nothing else. It holds no date and no path of a machine: the
same pool, seed and configs give the same manifest, but for `pictures`, which `builders.pictures`
adds where it can.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
from numpy.typing import NDArray

import builders
from builders.configs import FAMILIES, Config, family_of
from builders.mixing import INSTRUCTIONS, instructed, modes
from builders.pool import Digests, Pool
from builders.schema import FORMAT, PUBLISHED
from builders.selection import Selection, questions_out
from builders.sidecars import read_about
from builders.sources import DEMO

MOST_STRATEGIES = 16
"""Of the pool's strategies the most frequent are counted: judges may invent any number of names."""

MOST_CLUSTERS = 20
"""Of the clusters the largest are told."""

_LENGTHS = np.array([0, 1, 2, 3, *(q << k for k in range(29) for q in (4, 5, 6, 7)), 2**31])
"""Where the bins of every length histogram begin: each power of two is cut into four alike, so the
bins are even on a logarithmic scale, none is empty of whole numbers, and an int32 fits."""


def describe_release(
    pool: Pool,
    fingerprint: str,
    selection: Selection,
    configs: list[dict[str, Any]],
    folder: Path,
    *,
    seed: int,
) -> dict[str, Any]:
    """The whole manifest.

    Args:
        pool: what was selected from.
        fingerprint: the pool's, when it was selected from.
        selection: the rankings, and which configs could not be filled.
        configs: what `describe_config` said of each config.
        folder: where the files lie.
        seed: the build's.
    """
    common = list(_counts(selection.facts, "strategies"))[:MOST_STRATEGIES]
    for config in configs:
        found = config["strategies"]
        config["strategies"] = {name: found[name] for name in found if name in common}
    return {
        "kind": "release",
        "format": FORMAT,
        "naturalthoughts": builders.__version__,
        "seed": seed,
        "pool": {
            "fingerprint": fingerprint,
            "traces": pool.num_rows("traces"),
            "questions": pool.num_rows("questions"),
            "dropped": pool.dropped_by_reason(),
            "tokenizer": pool.manifest["tokenizer"],
            "annotations": pool.annotations(),
            "excluded": {
                name: {
                    **questions_out(pool, name),
                    "traces": traces,
                    "about": read_about(pool, name),
                }
                for name, traces in selection.excluded.items()
            },
            "ledger": pool.manifest.get("ledger", []),
            "judges": pool.manifest.get("judges", []),
            "label_quality": pool.manifest.get("label_quality", []),
            "sources": _sources(selection.facts),
            "synthetic": pc.sum(pc.equal(selection.facts["source"], DEMO)).as_py(),
            "clusters": _clusters(pool, configs),
        },
        "instructions": INSTRUCTIONS,
        "columns": [
            {"name": c.name, "type": str(c.type), "nullable": c.nullable, "meaning": c.meaning}
            for c in PUBLISHED
        ],
        "configs": configs,
        "overlap": _overlap(selection),
        "not_filled": [
            {"name": one.config.name, "eligible": one.eligible, "why": one.why_not}
            for one in selection.availabilities
            if not one.can_be_filled
        ],
        "sample": _first_row(folder / configs[0]["files"][0]["path"]),
    }


def describe_config(
    config: Config, selection: Selection, *, key: str, written: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """What the manifest says of one config.

    Args:
        config: the config.
        selection: the rankings.
        key: see `files_key`.
        written: what `write_configs` said of its files.
        seed: the build's.
    """
    ranking = selection.rankings[config.ranking]
    chosen = selection.facts.take(ranking[: config.size])
    thinks = modes(config.mixing, chosen, seed=seed)
    tokens = chosen["num_tokens"].to_numpy()
    answer_tokens = tokens - chosen["num_reasoning_tokens"].to_numpy()
    trained = np.where(thinks, tokens, answer_tokens)
    family = FAMILIES[family_of(config.name)]
    return {
        "name": config.name,
        "family": family_of(config.name),
        "purpose": family.purpose,
        "not_for": family.not_for,
        "rule": config.words,
        "selector": {
            "name": config.selector,
            "parameters": dict(config.rule.parameters),
            "about": " ".join(config.rule.about.split()),
        },
        "mixing": {**config.mixing.parameters, "about": config.mixing.about},
        "eligible": len(ranking),
        "rows": sum(file["rows"] for file in written["files"]),
        "mean_tokens": round(float(trained.mean()), 1),
        "lengths": _lengths(trained),
        "think_share": round(float(thinks.mean()), 4),
        "sources": _counts(chosen, "source"),
        "teachers": _counts(chosen, "teacher"),
        "domains": _counts(chosen, "domain"),
        "strategies": _counts(chosen, "strategies"),
        "key": key,
        **written,
    }


def files_key(config: Config, selection: Selection, digests: Digests, *, seed: int) -> str:
    """A hash of all that the bytes of a config's files depend on: rows, modes, and who writes.

    Two builds with the same key write the same files, whatever else changed in the pool.
    """
    ranking = selection.rankings[config.ranking][: config.size]
    chosen = selection.facts.take(ranking)
    told = instructed(config.mixing, chosen["id"].to_pylist(), seed=seed)
    hashed = xxhash.xxh3_128(digests[ranking].tobytes())
    hashed.update(np.packbits(modes(config.mixing, chosen, seed=seed)).tobytes())
    hashed.update(np.packbits(told).tobytes())
    writer = (FORMAT, builders.__version__, pa.__version__, INSTRUCTIONS, config.name, config.size)
    hashed.update(json.dumps(writer).encode())
    return str(hashed.hexdigest())


def manifest_text(manifest: dict[str, Any]) -> str:
    """The manifest as JSON for people too: a list of numbers stands on one line."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    # JSON escapes a line break within a text, so what spans lines is no text.
    return re.sub(r"\[\n([\d,\s]+)\]", lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def _clusters(pool: Pool, configs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """How the clusters were made that a config was chosen by; None if there are none such.

    Of the table only the largest clusters; all of it lies in the pool.
    """
    if not any(config["selector"]["name"] == "semantic" for config in configs):
        return None
    made = pool.made("clusters")
    return made and {**made, "table": made["table"][:MOST_CLUSTERS]}


def _lengths(tokens: NDArray[np.int32]) -> dict[str, Any]:
    """The distribution of lengths: the lower median, and the bins from the first to the last used.

    `counts[i]` rows have at least `edges[i]` tokens, and fewer than `edges[i + 1]`.
    """
    counts, _ = np.histogram(tokens, _LENGTHS)
    first, last = np.flatnonzero(counts)[[0, -1]]
    return {
        "median": int(np.percentile(tokens, 50, method="lower")),
        "edges": _LENGTHS[first : last + 2].tolist(),
        "counts": counts[first : last + 1].tolist(),
    }


def _overlap(selection: Selection) -> dict[str, list[int]]:
    """For each config, how many rows it shares with each of those before it."""
    rows = {
        one.config.name: selection.rankings[one.config.ranking][: one.config.size]
        for one in selection.availabilities
        if one.can_be_filled
    }
    shared: dict[str, list[int]] = {}
    inside = np.zeros(len(selection.facts), dtype=bool)
    for name in rows:
        inside[rows[name]] = True
        shared[name] = [int(np.count_nonzero(inside[rows[earlier]])) for earlier in shared]
        inside[rows[name]] = False
    return shared


def _counts(rows: pa.Table, column: str) -> dict[str, int]:
    """How often each value occurs, the most frequent first.

    A row with a list counts for each of its values. Null is left out, and so is a column that the
    pool does not have.
    """
    if column not in rows.column_names:
        return {}
    values = rows[column].drop_null()
    if pa.types.is_list(values.type):
        values = pc.list_flatten(values)
    counts = pc.value_counts(values).to_pylist()
    ordered = sorted(counts, key=lambda one: (-one["counts"], one["values"]))
    return {one["values"]: one["counts"] for one in ordered}


def _sources(facts: pa.Table) -> list[dict[str, Any]]:
    """Source, licence and teacher of the pool's traces, the most frequent first."""
    names = ["source", "license", "teacher"]
    counts = facts.group_by(names).aggregate([([], "count_all")])
    ordered = counts.sort_by([("count_all", "descending"), *((n, "ascending") for n in names)])
    return [
        {**{name: row[name] for name in names}, "traces": row["count_all"]}
        for row in ordered.to_pylist()
    ]


def _first_row(path: Path) -> dict[str, Any]:
    """The first row of a file, for the card to show."""
    row: dict[str, Any] = next(pq.ParquetFile(path).iter_batches(batch_size=1)).to_pylist()[0]
    return row
