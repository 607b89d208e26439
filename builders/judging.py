"""Annotate a pool by a judge: a model is asked about every row that has no label yet.

Two things, one after the other, as in `generating`. Asking stores replies, and may be killed at any
moment. Writing makes labels of what is stored, and sidecars of the labels; doing it again changes
nothing. A label that is there already stays, unless it is to be replaced.
"""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from builders.endpoints.asking import Limits
from builders.endpoints.budget import Budget
from builders.endpoints.running import INTERRUPTED, Endpoint, Watcher, ask_for_all
from builders.endpoints.store import Store
from builders.errors import BadOption
from builders.files import only_writer, read_columns, write_parquet
from builders.generating import Allowance
from builders.judges import reader
from builders.judges.judgements import Judged, judged
from builders.judges.pairs import NO_PAIR, certain
from builders.judges.prepared import Judge, Judging, prepare
from builders.judges.requests import jobs, needed_samples
from builders.labellers import JUDGES, labels_were_replaced
from builders.ledger import describe_store, enter
from builders.pool import open_pool, save_manifest
from builders.schema import ANNOTATIONS, KEYS, TEXT, sidecar_schema

Mask = NDArray[np.bool_]
Progress = Callable[[Iterable[Any]], Iterable[Any]]

_LIMITS, _WATCHER, _ALLOWANCE = Limits(), Watcher(), Allowance()


class Written(NamedTuple):
    """What is in the sidecars: rows with labels, those that are this judge's, and all rows.

    `certain` of the judge's needed no judge; `quotes_not_found` of its quotes occur nowhere.
    """

    labelled: int
    by_this_judge: int
    rows: int
    certain: int = 0
    quotes: int = 0
    quotes_not_found: int = 0


class JudgeReport(NamedTuple):
    """What a run did: how it ended, how many jobs it finished of those missing, and the ledger.

    `written` is None where nothing was written, since the run was stopped.
    """

    how: str
    missing: int
    finished: int
    ledger: dict[str, Any]
    written: Written | None


def annotate_by(
    pool: Path | str,
    name: str,
    judge: Judge,
    endpoint: Endpoint | None,
    *,
    second_model: str | None = None,
    allowance: Allowance = _ALLOWANCE,
    limits: Limits = _LIMITS,
    again: bool = False,
    replace: bool = False,
    watcher: Watcher = _WATCHER,
    on_missing: Callable[[int], None] = lambda count: None,
    progress: Progress = iter,
) -> JudgeReport:
    """Ask a judge about every row without a label, and write its labels into the sidecars.

    Args:
        pool: the pool's folder.
        name: of the annotation: a key of `judges.TASKS`.
        judge: who is asked.
        endpoint: where it is served; None asks nothing, and writes what is stored.
        second_model: see `prepare`.
        allowance: what may be spent.
        limits: how hard to try.
        again: ask again what was refused, or answered in no valid form.
        replace: ask about rows with a label, too, and replace it.
        watcher: is told how the asking goes.
        on_missing: is told how many requests are missing, before the first.
        progress: wraps what is gone through before and after the asking.

    Raises:
        EndpointError: it is of no use to go on; what came is stored.
        DiskFull: there is no room for more; what came is stored.
        BadOption: an option cannot be used.
        Busy: another process asks this judge for this annotation of this pool.
    """
    opened = open_pool(pool)
    judging = prepare(opened, name, judge, second_model=second_model)
    path = judging.store_path
    if endpoint is None and not path.exists():
        raise BadOption(f"--no-ask: no reply of '{judge.model}' is stored in {opened.folder}")
    with contextlib.closing(Store(path)) as store:
        how, count, finished = "not asked", 0, 0
        if endpoint is not None:
            wanted = np.ones(len(judging.subjects), np.bool_) if replace else ~_labelled(judging)
            how, count, finished = ask_judge(
                judging,
                store,
                endpoint,
                wanted,
                allowance=allowance,
                limits=limits,
                again=again,
                watcher=watcher,
                on_missing=on_missing,
                progress=progress,
            )
        if how == INTERRUPTED:
            raise KeyboardInterrupt
        written = None
        if how != "stopped":
            with only_writer(opened.folder):
                written = _write(judging, store, replace=replace, progress=progress)
                enter(opened.folder, store)
        return JudgeReport(how, count, finished, describe_store(store), written)


def ask_judge(
    judging: Judging,
    store: Store,
    endpoint: Endpoint,
    wanted: Mask,
    *,
    allowance: Allowance = _ALLOWANCE,
    limits: Limits = _LIMITS,
    again: bool = False,
    watcher: Watcher = _WATCHER,
    on_missing: Callable[[int], None] = lambda count: None,
    progress: Progress = iter,
) -> tuple[str, int, int]:
    """Ask about these rows, and store the replies; no sidecar is touched.

    Args:
        judging: what is asked, and whom.
        store: of the judge's replies.
        endpoint: where the judge is served.
        wanted: the rows, as a mask over the table.
        allowance: what may be spent.
        limits: how hard to try.
        again: ask again what was refused, or answered in no valid form.
        watcher: is told how the asking goes.
        on_missing: is told how many requests are missing.
        progress: wraps what is gone through before the asking.

    Returns:
        How it ended, how many requests were missing, how many were finished.
    """
    with only_writer(judging.store_path):
        number = store.id_of(judging.asked)
        wanted = wanted & (judging.subjects != NO_PAIR)
        if judging.pairs:
            wanted = wanted & ~certain(judging.pool, judging.pairs, wanted, progress)
        needed = needed_samples(judging, store, number, wanted, again=again)
        count = int(needed.sum())
        on_missing(count)
        prices = allowance.prices
        ended = ask_for_all(
            jobs(judging, store, number, needed),
            count,
            asked=judging.asked,
            store=store,
            endpoint=endpoint,
            budget=Budget(store.spent(), prices, tokens=allowance.tokens, usd=allowance.usd),
            limits=limits,
            read=reader(judging.task, judging.prompt),
            watcher=watcher,
        )
    return ended.how, count, ended.jobs


def _labelled(judging: Judging) -> Mask:
    """The rows that have a label, whoever gave it."""
    masks = [np.zeros(0, np.bool_)]
    for shard in judging.pool.shards(judging.grain):
        keys = read_columns(shard, [KEYS[judging.grain]])[0]
        masks.append(_has_label(judging, _sidecar(judging, shard, keys)))
    return np.concatenate(masks)


def _sidecar(judging: Judging, shard: Path, keys: pa.ChunkedArray) -> pa.Table:
    columns = ANNOTATIONS[judging.name].columns
    return judging.pool.sidecar_table(judging.name, shard, keys, columns)


def _has_label(judging: Judging, sidecar: pa.Table) -> Mask:
    found = np.zeros(len(sidecar), np.bool_)
    for column in ANNOTATIONS[judging.name].columns:
        if column.name not in TEXT:  # a second answer alone is no verdict
            found |= sidecar[column.name].is_valid().to_numpy()
    return found


def _write(judging: Judging, store: Store, *, replace: bool, progress: Progress) -> Written:
    """Merge what the judge has said into the sidecars, and say in the manifest who judged."""
    found = iter(progress(judged(judging, store)))
    total = Written(0, 0, 0)
    start = 0
    one = next(found, None)
    for shard in judging.pool.shards(judging.grain):
        keys = read_columns(shard, [KEYS[judging.grain]])[0]
        end = start + len(keys)
        of_shard: list[Judged] = []
        while one is not None and one.place < end:
            of_shard.append(one)
            one = next(found, None)
        before = _sidecar(judging, shard, keys)
        after, ours = _merged(judging, before, of_shard, start, replace=replace)
        if not after.equals(before):
            write_parquet(after, judging.pool.sidecar(judging.name, shard))
        total = _plus(total, Written(int(_has_label(judging, after).sum()), *ours))
        start = end
    _enter_judge(judging, total, replace=replace)
    return total


def _merged(
    judging: Judging, before: pa.Table, said: list[Judged], start: int, *, replace: bool
) -> tuple[pa.Table, tuple[int, ...]]:
    """The sidecar with what was said in it; and how many rows are the judge's, and how."""
    names = [column.name for column in ANNOTATIONS[judging.name].columns]
    rows = before.to_pylist()
    has_label = _has_label(judging, before)
    ours = sure = quotes = not_found = 0
    for one in said:
        row = rows[one.place - start]
        labels = {name: one.labels[name] for name in names}
        if all(value is None for value in labels.values()):  # a judge that is unsure labels nothing
            continue
        if replace or not has_label[one.place - start]:
            row |= labels
        if all(row[name] == value for name, value in labels.items()):
            ours += 1
            sure += one.certain
            quotes += len(one.labels.get("strategy_quotes", ()))
            not_found += one.labels.get("quotes_not_found", 0)
    table = pa.Table.from_pylist(rows, sidecar_schema(judging.name))
    return table, (ours, len(rows), sure, quotes + not_found, not_found)


def _plus(one: Written, other: Written) -> Written:
    return Written(*(a + b for a, b in zip(one, other, strict=True)))


def _enter_judge(judging: Judging, written: Written, *, replace: bool) -> None:
    """Say in the pool's manifest whose labels an annotation has; its lock is held."""
    opened = open_pool(judging.pool.folder)
    asked = judging.asked
    entry = {
        "annotation": judging.name,
        "judge": asked.model,
        "revision": asked.revision,
        "prompt": asked.prompt,
        "prompt_hash": asked.prompt_hash,
        "context": asked.context,
        "sampling": asked.sampling._asdict(),
        "second_model": judging.pairs.model if judging.pairs else None,
        **written._asdict(),
    }
    if replace:
        left = written.labelled - written.by_this_judge
        labels_were_replaced(opened.manifest, judging.name, left=left)
    same = ("annotation", "judge", "revision", "prompt_hash", "context", "sampling", "second_model")
    kept = [
        one
        for one in opened.manifest.get(JUDGES, [])
        if any(one.get(name) != entry[name] for name in same)
    ]
    opened.manifest[JUDGES] = [*kept, entry]
    save_manifest(opened)
