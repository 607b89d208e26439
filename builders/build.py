"""Build a release: rank, take, mix, and write every config in one pass over the text.

    nt/README.md                             the data card
    nt/manifest.json                         how every row came to be there
    nt/disagree-10k/train-00000-of-00001.parquet

The same pool, seed and configs give the same bytes, however the pool is sharded.
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import builders
from builders.card import render_release_card
from builders.configs import FAMILIES, Config, family_of, parse_config, published
from builders.errors import BadRelease, MissingColumn, PoolTooSmall
from builders.files import PARQUET, ROW_GROUP_ROWS, only_writer, replace_folder
from builders.gather import BUCKET_ROWS, Bucket, Gathered, gather
from builders.ids import uniform
from builders.mixing import INSTRUCTIONS, chats, instructed, modes
from builders.pool import MANIFEST, Pool, open_pool
from builders.schema import FORMAT, PUBLISHED, annotation_of, arrow_schema
from builders.selectors import SELECTORS, Floats, Indices

FILE_ROWS = 50_000
"""Rows of one Parquet file: about 500 MB at 6,000 tokens a trace. A multiple of BUCKET_ROWS."""

Progress = Callable[[Iterable[Any], str], Iterable[Any]]


class Availability(NamedTuple):
    """Whether a pool can fill a config, and if not, why."""

    config: Config
    eligible: int | None  # None: a column is missing
    missing: str | None  # the message that names it

    @property
    def can_be_filled(self) -> bool:
        """Whether there are as many eligible rows as the name promises."""
        return self.eligible is not None and self.eligible >= self.config.size

    @property
    def why_not(self) -> str | None:
        """Why it cannot be filled, in one line."""
        if self.missing:
            return self.missing
        if self.can_be_filled:
            return None
        return f"only {self.eligible:,} eligible"


class Release(NamedTuple):
    """What a build made, and what it left out."""

    folder: Path
    manifest: dict[str, Any]
    skipped: list[Availability]


def no_progress(items: Iterable[Any], what: str) -> Iterable[Any]:
    """Show nothing."""
    return items


def check(pool: Pool, configs: Sequence[Config]) -> list[Availability]:
    """Whether the pool can fill each of these configs; reads narrow columns only."""
    return _Selection(pool, configs, seed=0).availabilities


def build(
    pool: Path | str,
    out: Path | str,
    *,
    configs: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = no_progress,
) -> Release:
    """Write a release folder; it replaces the one that is there at once, or not at all.

    Args:
        pool: the pool's folder.
        out: the release's folder; if it exists it must be a release, and nothing else.
        configs: names; exactly these are built. By default every published config that the pool
            can fill.
        seed: of everything random.
        progress: wraps what is iterated over, to show how far it is.

    Raises:
        UnknownConfig, MissingColumn, PoolTooSmall: a config of that name cannot be built.
        BadPool, BadRelease, Busy: the folders cannot be used.
    """
    out = Path(out)
    opened = open_pool(pool)
    wanted = [parse_config(name) for name in dict.fromkeys(configs)] or published()
    with only_writer(out):
        _check_replaceable(out)
        selection = _Selection(opened, wanted, seed)
        skipped = [one for one in selection.availabilities if not one.can_be_filled]
        if configs and skipped:
            raise selection.refusal(skipped[0])
        filled = [one.config for one in selection.availabilities if one.can_be_filled]
        if not filled:
            raise PoolTooSmall(
                f"{pool}: none of the published configs can be filled by "
                f"{opened.num_rows('traces'):,} traces; nt list --pool {pool} says why, and "
                "--config random-SIZE builds one of any size"
            )
        new = out.with_name(f".{out.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        try:
            manifest = _write(opened, selection, filled, skipped, seed, new, progress)
            replace_folder(new, out)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return Release(out, manifest, skipped)


class _Selection:
    """The rankings that a set of configs needs, from the pool's narrow columns."""

    def __init__(self, pool: Pool, configs: Sequence[Config], seed: int) -> None:
        available = pool.columns()
        narrow = [name for name in PUBLISHED_FACTS if name in available]
        needed = [name for config in configs for name in config.needs if name in available]
        self.facts = pool.facts(list(dict.fromkeys(["id", *narrow, *needed])))
        self._pool = pool
        u = uniform(self.facts["id"].to_pylist(), seed=seed)
        self.rankings: dict[str, Indices] = {}
        self.availabilities = [self._availability(config, available, u) for config in configs]

    def _availability(self, config: Config, available: list[str], u: Floats) -> Availability:
        for column in config.needs:
            if column not in available:
                return Availability(config, None, self._missing(column))
        if config.selector not in self.rankings:
            self.rankings[config.selector] = self._rank(config.selector, u)
        return Availability(config, len(self.rankings[config.selector]), None)

    def _rank(self, name: str, u: Floats) -> Indices:
        selector = SELECTORS[name]
        ranking = selector.rank(self.facts, u, **selector.parameters)
        return ranking.astype(np.int64)

    def _missing(self, column: str) -> str:
        annotation = annotation_of(column)
        command = f"nt annotate {annotation}" if annotation else "nt import FILE"
        return f"the pool has no '{column}' yet; run: {command} --pool {self._pool.folder}"

    def refusal(self, one: Availability) -> Exception:
        """The error that says why a config cannot be built."""
        if one.missing:
            return MissingColumn(f"config '{one.config.name}' cannot be built: {one.missing}")
        return PoolTooSmall(
            f"config '{one.config.name}' needs {one.config.size} rows, selector "
            f"'{one.config.selector}' found {one.eligible} eligible of {len(self.facts)}"
        )


PUBLISHED_FACTS = (
    "num_tokens",
    "num_reasoning_tokens",
    "source",
    "license",
    "teacher",
    "domain",
)
"""Columns that the manifest's statistics are made from, besides those that rules need."""


def _check_replaceable(out: Path) -> None:
    """Refuse to replace a folder that holds anything but a release."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise BadRelease(f"{out}: is not a folder")
    if not out.exists() or not any(out.iterdir()):
        return
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        ours = {"README.md", MANIFEST} | {
            file["path"] for config in manifest["configs"] for file in config["files"]
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRelease(
            f"{out}: is not empty and not a release, so it is not replaced; "
            "name another folder with --out, or remove it"
        ) from error
    here = {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()}
    if strange := sorted(here - ours):
        raise BadRelease(
            f"{out}: would be replaced, but holds what no build wrote: {', '.join(strange[:5])}; "
            "move it away, or name another folder with --out"
        )


def _write(
    pool: Pool,
    selection: _Selection,
    configs: list[Config],
    skipped: list[Availability],
    seed: int,
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    longest: Counter[str] = Counter()
    for config in configs:
        longest[config.selector] = max(longest[config.selector], config.size)
    rankings = {name: selection.rankings[name][:size] for name, size in longest.items()}
    entries = []
    with gather(
        pool, rankings, folder, progress=lambda shards: progress(shards, "reading")
    ) as gathered:
        for config in progress(configs, "writing"):
            files = _write_config(config, gathered, folder, seed)
            entries.append(_describe(config, selection, files, folder, seed))
    manifest = {
        "kind": "release",
        "format": FORMAT,
        "naturalthoughts": builders.__version__,
        "seed": seed,
        "pool": {
            "fingerprint": pool.fingerprint(),
            "traces": pool.num_rows("traces"),
            "questions": pool.num_rows("questions"),
            "dropped": pool.dropped_by_reason(),
            "tokenizer": pool.manifest["tokenizer"],
            "annotations": pool.annotations(),
            "sources": _sources(selection.facts),
        },
        "instructions": INSTRUCTIONS,
        "columns": [
            {"name": c.name, "type": str(c.type), "nullable": c.nullable, "meaning": c.meaning}
            for c in PUBLISHED
        ],
        "configs": entries,
        "not_filled": [
            {"name": one.config.name, "eligible": one.eligible, "why": one.why_not}
            for one in skipped
        ],
        "sample": _sample(folder / entries[0]["files"][0]["path"]),
    }
    (folder / MANIFEST).write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (folder / "README.md").write_text(render_release_card(manifest), encoding="utf-8")
    return manifest


def _write_config(config: Config, gathered: Gathered, folder: Path, seed: int) -> list[Path]:
    """Write the Parquet files of one config, in the order of rank."""
    schema = arrow_schema(PUBLISHED)
    count = -(-config.size // FILE_ROWS)
    paths = []
    (folder / config.name).mkdir()
    for number in range(count):
        path = folder / config.name / f"train-{number:05d}-of-{count:05d}.parquet"
        start, end = number * FILE_ROWS, min((number + 1) * FILE_ROWS, config.size)
        with pq.ParquetWriter(path, schema, **PARQUET) as writer:
            for bucket in range(start // BUCKET_ROWS, -(-end // BUCKET_ROWS)):
                rows = gathered.read(Bucket(config.selector, bucket))
                rows = rows.slice(0, end - bucket * BUCKET_ROWS)
                ids = rows["id"].to_pylist()
                thinks = modes(config.mixing, rows, seed=seed)
                told = instructed(config.mixing, ids, seed=seed)
                for name, values in chats(rows, thinks, told).items():
                    rows = rows.append_column(name, values)
                writer.write_table(rows.select(schema.names).cast(schema), ROW_GROUP_ROWS)
        paths.append(path)
    return paths


def _describe(
    config: Config, selection: _Selection, paths: list[Path], folder: Path, seed: int
) -> dict[str, Any]:
    """What the manifest says of one config."""
    ranking = selection.rankings[config.selector]
    chosen = selection.facts.take(ranking[: config.size])
    thinks = modes(config.mixing, chosen, seed=seed)
    tokens = chosen["num_tokens"].to_numpy()
    answer_tokens = tokens - chosen["num_reasoning_tokens"].to_numpy()
    files = [
        {
            "path": path.relative_to(folder).as_posix(),
            "rows": pq.read_metadata(path).num_rows,
            "bytes": path.stat().st_size,
            "sha256": _sha256(path),
        }
        for path in paths
    ]
    metadata = [pq.read_metadata(path) for path in paths]
    family = FAMILIES[family_of(config.name)]
    return {
        "name": config.name,
        "family": family_of(config.name),
        "purpose": family.purpose,
        "not_for": family.not_for,
        "rule": config.words,
        "selector": {"name": config.selector, "parameters": dict(config.rule.parameters)},
        "mixing": config.mixing.parameters,
        "eligible": len(ranking),
        "rows": config.size,
        "mean_tokens": round(float(np.where(thinks, tokens, answer_tokens).mean()), 1),
        "think_share": round(float(thinks.mean()), 4),
        "sources": _counts(chosen, "source"),
        "domains": _counts(chosen, "domain") if "domain" in chosen.column_names else {},
        "num_bytes": sum(
            m.row_group(i).total_byte_size for m in metadata for i in range(m.num_row_groups)
        ),
        "download_size": sum(file["bytes"] for file in files),
        "files": files,
    }


def _counts(rows: pa.Table, column: str) -> dict[str, int]:
    """How often each value occurs, the most frequent first; null is left out."""
    counts = pc.value_counts(rows[column].drop_null()).to_pylist()
    ordered = sorted(counts, key=lambda one: (-one["counts"], one["values"]))
    return {one["values"]: one["counts"] for one in ordered}


def _sources(facts: pa.Table) -> list[dict[str, Any]]:
    """Source, licence and teacher of the pool's traces, with their number."""
    counts = facts.group_by(["source", "license", "teacher"]).aggregate([([], "count_all")])
    rows = counts.sort_by(
        [
            ("count_all", "descending"),
            ("source", "ascending"),
            ("teacher", "ascending"),
            ("license", "ascending"),
        ]
    )
    return [
        {
            "source": r["source"],
            "license": r["license"],
            "teacher": r["teacher"],
            "traces": r["count_all"],
        }
        for r in rows.to_pylist()
    ]


def _sample(path: Path) -> dict[str, Any]:
    """The first row of a file, for the card to show."""
    row: dict[str, Any] = next(pq.ParquetFile(path).iter_batches(batch_size=1)).to_pylist()[0]
    return row


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
