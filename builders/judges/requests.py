"""The requests that are missing, and their messages."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from builders.endpoints import ONCE_MORE, Job
from builders.endpoints.replies import read_reply
from builders.endpoints.store import Store
from builders.judges import correction, messages
from builders.judges.forms import Invalid, read_form
from builders.judges.prepared import Judging
from builders.waiting import are_in, row_groups


def needed_samples(
    judging: Judging, store: Store, number: int, wanted: NDArray[np.bool_], *, again: bool
) -> NDArray[np.bool_]:
    """Which requests are missing: for each sample (see `judges`), whether, row for row."""
    subjects = judging.subjects
    needed = np.zeros((2 * judging.task.orders, len(subjects)), np.bool_)
    for order in range(judging.task.orders):
        first, corrected = 2 * order, 2 * order + 1
        ended = np.sort(store.subjects(number, first, again=again))
        not_yet = np.sort(store.subjects_with(number, first, ONCE_MORE))
        done = np.sort(store.subjects(number, corrected, again=again))
        needed[first] = wanted & ~are_in(subjects, ended)
        needed[corrected] = wanted & are_in(subjects, not_yet) & ~are_in(subjects, done)
    return needed


def jobs(judging: Judging, store: Store, number: int, needed: NDArray[np.bool_]) -> Iterator[Job]:
    """The requests, in the order of the pool; only the text of some thousand is in memory."""
    task, pairs = judging.task, judging.pairs
    columns = [*task.columns, *(pairs.columns if pairs else ())]
    of_any: NDArray[np.bool_] = np.asarray(needed.any(axis=0))
    for start, table in row_groups(judging.pool, columns, of_any, table=judging.grain):
        rows = np.flatnonzero(of_any[start : start + len(table)])
        for row, texts in zip(rows, table.take(rows).to_pylist(), strict=True):
            place = start + int(row)
            subject = f"{int(judging.subjects[place]):016x}"
            if pairs:
                texts["other"] = pairs.other(place, texts)
            for sample in map(int, np.flatnonzero(needed[:, place])):
                order = sample // 2
                said = messages(task, judging.prompt, texts, order=order, room=judging.room)
                job = Job(subject, 2 * order, said)
                yield _again(judging, store, number, job) if sample % 2 else job


def _again(judging: Judging, store: Store, number: int, job: Job) -> Job:
    """The second request for a reply that is stored and has not the form."""
    ((_, stored),) = store.replies([int(job.subject, 16)], asked=number)
    (first,) = (one for one in stored if one.sample == job.sample)
    reply = read_reply(first.body)
    try:
        read_form(judging.task.form, reply)
    except Invalid as error:
        return correction(job, reply, str(error), judging.prompt)
    return correction(job, reply, "it was not understood", judging.prompt)  # by an older version
