"""How good are the labels of a judge? Held against a second judge, or against a golden set.

    strategies of traces, held against 'Qwen/Qwen2.5-72B-Instruct', 500 rows: F1 0.71 (0.67 to 0.75)

Both ask a judge about some rows, store its replies like all others, and write no label: what comes
of it are figures, for the manifest and the card. A second judge is asked about a sample of the rows
that have a label. A golden set becomes a small pool of its own, below the pool's replies, since it
is asked about in the same way.

Agreement of judges is no truth: two of one family may err alike. And where a golden set is small,
its intervals are wide.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from builders.agreement import COLUMNS, compare
from builders.card import write_pool_card
from builders.endpoints import DONE, NOT_VALID, ONCE_MORE
from builders.endpoints.asking import Limits
from builders.endpoints.running import INTERRUPTED, Endpoint, Watcher
from builders.endpoints.store import FOLDER, GOLDEN, Store
from builders.errors import BadOption
from builders.files import only_writer, read_columns
from builders.generating import Allowance
from builders.golden import TEACHER, Golden, as_source, read_golden
from builders.ids import as_numbers, content_id, uniform
from builders.importing import import_source
from builders.judges.judgements import judged
from builders.judges.pairs import NO_PAIR, certain
from builders.judges.prepared import Judge, Judging, prepare
from builders.judging import ask_judge
from builders.labellers import QUALITY, judges_of
from builders.ledger import describe_store, enter
from builders.pool import Pool, open_pool, save_manifest
from builders.schema import ANNOTATIONS, KEYS

SAMPLE = 500
"""Rows that a second judge is asked about, if nothing else is said."""

FEWEST = 10
"""From so many rows on that both have labelled, labels are compared; our choice."""

Progress = Callable[[Iterable[Any]], Iterable[Any]]
Mask = NDArray[np.bool_]


class Asking(NamedTuple):
    """How to ask: see `judging.annotate_by`."""

    endpoint: Endpoint | None
    allowance: Allowance = Allowance()
    limits: Limits = Limits()
    again: bool = False
    watcher: Watcher = Watcher()
    on_missing: Callable[[int], None] = lambda count: None
    progress: Progress = iter


class QualityReport(NamedTuple):
    """What a run did, and what it found; `found` is None where it was stopped before."""

    how: str
    missing: int
    finished: int
    ledger: dict[str, Any]
    found: dict[str, Any] | None


def by_second_judge(
    pool: Path | str,
    name: str,
    judge: Judge,
    asking: Asking,
    *,
    sample: int = SAMPLE,
    second_model: str | None = None,
) -> QualityReport:
    """Ask a second judge about a sample of the rows with a label, and compare the labels.

    A larger sample holds a smaller one, so it only asks about what is added. Pairs that are the
    same for certain are left out: no judge has decided them.

    Args:
        pool: the pool's folder.
        name: of the annotation.
        judge: the second one.
        asking: how to ask.
        sample: how many rows; all that there are, where there are fewer.
        second_model: see `judges.prepared.prepare`.

    Raises:
        BadOption: there are no labels, or too few, or this judge's own are among them.
    """
    opened = open_pool(pool)
    labellers = judges_of(opened.manifest, name)
    if judge.model in labellers:
        which = "the labels" if labellers == [judge.model] else "some of the labels"
        raise BadOption(
            f"--second-judge {judge.model}: {which} of '{name}' are its own; name another model"
        )
    judging = prepare(opened, name, judge, second_model=second_model)
    labels = _labels(judging)
    wanted = labels.is_valid().to_numpy() & (judging.subjects != NO_PAIR)
    if judging.pairs:
        wanted &= ~certain(opened, judging.pairs, wanted, asking.progress)
    chosen = _sampled(judging, wanted, sample)
    if chosen.sum() < FEWEST:
        raise BadOption(
            f"{pool}: {int(chosen.sum())} rows have '{name}' from a judge; at least {FEWEST} are "
            f"needed to compare. Labels first: nt annotate {name} --pool {pool} --judge MODEL …"
        )
    with contextlib.closing(Store(judging.store_path)) as store:
        how, missing, finished = _ask(judging, store, chosen, asking)
        found = None
        if how != "stopped":
            places, said = _said(judging, store, chosen)
            _need_some(len(places), f"{judge.model} has labelled", pool, name)
            found = {
                **_entry(judging, store, chosen, said),
                "against": "second judge",
                "labels_of": labellers,
                "sample": int(chosen.sum()),
                "figures": compare(
                    name,
                    labels.take(pa.array(places)).to_pylist(),
                    [one[COLUMNS[name]] for one in said],
                    _questions(judging)[places],
                ),
            }
            with only_writer(opened.folder):
                _enter(opened.folder, found)
                enter(opened.folder, store)
        return QualityReport(how, missing, finished, describe_store(store), found)


def by_golden(
    pool: Path | str, name: str, judge: Judge, golden: Path, asking: Asking
) -> QualityReport:
    """Ask a judge about the traces of a golden set, and compare its labels with the set's.

    Args:
        pool: the pool's folder, whose manifest takes the figures.
        name: of the annotation.
        judge: who is asked.
        golden: the file; see `builders.golden`.
        asking: how to ask.

    Raises:
        BadSource: the file cannot be read.
        BadOption: it has too few labels of this annotation.
    """
    opened = open_pool(pool)
    rows = read_golden(golden)
    truth = _truth(rows, name)
    _need_some(len(truth), f"{golden} has labels of", pool, name)
    digest = hashlib.sha256(golden.read_bytes()).hexdigest()
    small = _as_pool(rows, opened.folder / FOLDER / GOLDEN / digest[:16])
    judging = prepare(small, name, judge, second_model=TEACHER if name == "disagreement" else None)
    keys = _golden_questions(judging)
    chosen = np.array([key in truth for key in keys]) & (judging.subjects != NO_PAIR)
    with contextlib.closing(Store(judging.store_path)) as store:
        how, missing, finished = _ask(judging, store, chosen, asking)
        found = None
        if how != "stopped":
            places, said = _said(judging, store, chosen, also_certain=True)
            _need_some(len(places), f"{judge.model} has labelled", golden, name)
            found = {
                **_entry(judging, store, chosen, said),
                "against": "golden set",
                "golden": {"file": golden.name, "sha256": digest, "about": rows.about},
                "sample": int(chosen.sum()),
                "figures": compare(
                    name,
                    [truth[keys[place]] for place in places],
                    [one[COLUMNS[name]] for one in said],
                    _questions(judging)[places],
                ),
            }
            with only_writer(opened.folder):
                _enter(opened.folder, found)
                enter(opened.folder, store)
        return QualityReport(how, missing, finished, describe_store(store), found)


def _need_some(rows: int, what: str, where: Path | str, name: str) -> None:
    if rows < FEWEST:
        raise BadOption(
            f"{where}: {what} {rows} rows of '{name}'; at least {FEWEST} are needed to compare"
        )


def _ask(judging: Judging, store: Store, chosen: Mask, asking: Asking) -> tuple[str, int, int]:
    if asking.endpoint is None:
        return "not asked", 0, 0
    how, missing, finished = ask_judge(
        judging,
        store,
        asking.endpoint,
        chosen,
        allowance=asking.allowance,
        limits=asking.limits,
        again=asking.again,
        watcher=asking.watcher,
        on_missing=asking.on_missing,
        progress=asking.progress,
    )
    if how == INTERRUPTED:
        raise KeyboardInterrupt
    return how, missing, finished


def _labels(judging: Judging) -> pa.ChunkedArray:
    """The column that is compared, of all rows; null where there is no label."""
    (column,) = (c for c in ANNOTATIONS[judging.name].columns if c.name == COLUMNS[judging.name])
    parts = []
    for shard in judging.pool.shards(judging.grain):
        keys = read_columns(shard, [KEYS[judging.grain]])[0]
        parts.append(judging.pool.sidecar_table(judging.name, shard, keys, [column])[column.name])
    chunks = [chunk for part in parts for chunk in part.chunks]
    return pa.chunked_array(chunks, column.type)


def _sampled(judging: Judging, wanted: Mask, sample: int) -> Mask:
    """So many of the wanted rows, the same ones in every pool that has them."""
    places = np.flatnonzero(wanted)
    keys = judging.pool.keys(judging.grain)[places]
    u = uniform((f"{int(key):016x}" for key in keys), seed=0, decision="second judge")
    chosen = np.zeros(len(wanted), np.bool_)
    chosen[places[np.argsort(u, kind="stable")[:sample]]] = True
    return chosen


def _said(
    judging: Judging, store: Store, chosen: Mask, *, also_certain: bool = False
) -> tuple[list[int], list[dict[str, Any]]]:
    """The chosen rows that the judge has labelled, and what it said of them.

    A correctness of which it is unsure is no label.
    """
    places, labels = [], []
    for one in judged(judging, store):
        is_label = one.labels[COLUMNS[judging.name]] is not None
        if chosen[one.place] and is_label and (also_certain or not one.certain):
            places.append(one.place)
            labels.append(one.labels)
    return places, labels


def _entry(
    judging: Judging, store: Store, chosen: Mask, said: list[dict[str, Any]]
) -> dict[str, Any]:
    """Who was asked, and how well its replies had the form that was asked for."""
    number = store.id_of(judging.asked)
    subjects = judging.subjects[chosen]

    def replies(sample: int, outcome: str) -> int:
        return int(np.isin(subjects, store.subjects_with(number, sample, outcome)).sum())

    orders = range(judging.task.orders)
    not_at_once = sum(replies(2 * order, ONCE_MORE) for order in orders)
    asked = judging.asked
    return {
        "annotation": judging.name,
        "judge": asked.model,
        "revision": asked.revision,
        "prompt": asked.prompt,
        "prompt_hash": asked.prompt_hash,
        "context": asked.context,
        "sampling": asked.sampling._asdict(),
        "compared": len(said),
        "replies": sum(replies(2 * order, DONE) for order in orders) + not_at_once,
        "not_valid_at_once": not_at_once,
        "not_valid": sum(replies(2 * order + 1, NOT_VALID) for order in orders),
        "quotes": sum(len(one.get("strategy_quotes", ())) for one in said)
        + sum(one.get("quotes_not_found", 0) for one in said),
        "quotes_not_found": sum(one.get("quotes_not_found", 0) for one in said),
    }


def _questions(judging: Judging) -> NDArray[np.uint64]:
    """Of each row of the table that is annotated the question that it is about."""
    shards = judging.pool.shards(judging.grain)
    return np.concatenate([as_numbers(read_columns(s, ["question_id"])[0]) for s in shards])


def _truth(golden: Golden, name: str) -> dict[str, Any]:
    """The golden labels of an annotation, by question id."""
    return {
        content_id(row.record.question): row.labels[name]
        for row in golden.rows
        if row.labels.get(name) is not None
    }


def _as_pool(golden: Golden, folder: Path) -> Pool:
    if not (folder / "manifest.json").exists():
        import_source(as_source(golden), folder)
    return open_pool(folder)


def _golden_questions(judging: Judging) -> list[str]:
    numbers = _questions(judging)
    return [f"{int(number):016x}" for number in numbers]


def _enter(folder: Path, entry: Mapping[str, Any]) -> None:
    """Write the figures into manifest and card, in the place of older ones; its lock is held."""
    opened = open_pool(folder)
    asked = ("annotation", "judge", "revision", "prompt_hash", "context", "sampling")
    same = (*asked, "against", "golden")
    kept = [
        one
        for one in opened.manifest.get(QUALITY, [])
        if any(one.get(name) != entry.get(name) for name in same)
    ]
    opened.manifest[QUALITY] = [*kept, entry]
    save_manifest(opened)
    write_pool_card(open_pool(folder))
