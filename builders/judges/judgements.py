"""What judges have said, read from the store of their replies."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from builders.endpoints import DONE
from builders.endpoints.store import Store
from builders.judges import OTHER, SAME, Labels, labels_of
from builders.judges.pairs import NO_PAIR, certain
from builders.judges.prepared import Judge, Judging, prepare
from builders.pool import Pool
from builders.schema import KEYS
from builders.waiting import are_in, row_groups


class Judged(NamedTuple):
    """The labels of a row: its place in the table, its id, and its columns' values.

    `certain` ones needed no judge.
    """

    place: int
    key: str
    labels: Labels
    certain: bool = False


def judgements(
    pool: Pool, name: str, judge: Judge, *, second_model: str | None = None
) -> Iterator[tuple[str, Labels]]:
    """What a judge has said: the id of each row, and the annotation's columns.

    Labels of `strategies` have `quotes_not_found` as well. Nothing is read of the sidecars.

    Args:
        pool: whose rows.
        name: of the annotation.
        judge: as it was asked: another prompt, sampling or context is another judge.
        second_model: see `prepare`.
    """
    judging = prepare(pool, name, judge, second_model=second_model)
    if not judging.store_path.exists():
        return
    with contextlib.closing(Store(judging.store_path)) as store:
        for one in judged(judging, store):
            yield one.key, one.labels


def judged(judging: Judging, store: Store) -> Iterator[Judged]:
    """The rows of which all is stored that their labels need, in the order of the pool."""
    task, pairs, number = judging.task, judging.pairs, store.id_of(judging.asked)
    same = np.zeros(len(judging.subjects), np.bool_)
    if pairs:
        same = certain(judging.pool, pairs, same)
    ready = ~same & (judging.subjects != NO_PAIR)
    for order in range(task.orders):
        both = [store.subjects_with(number, 2 * order + again, DONE) for again in (0, 1)]
        ready &= are_in(judging.subjects, np.sort(np.concatenate(both)))
    columns = [KEYS[judging.grain], *(name for name in task.reads if name != OTHER)]
    of_any = ready | same
    for start, table in row_groups(judging.pool, columns, of_any, table=judging.grain):
        rows = start + np.flatnonzero(of_any[start : start + len(table)])
        replies = store.replies(judging.subjects[rows[ready[rows]]].tolist(), asked=number)
        for place, row in zip(rows.tolist(), table.take(rows - start).to_pylist(), strict=True):
            if pairs and OTHER in task.reads:
                row[OTHER] = pairs.other(place, row)
            if same[place]:
                labels: Labels | None = task.labels([SAME] * task.orders, row)
            else:
                labels = labels_of(task, next(replies)[1], row)
            if labels is not None:
                yield Judged(place, row[KEYS[judging.grain]], labels, bool(same[place]))
