"""A teacher's replies as traces: what is stored becomes a source like any other.

A reply is stored as the server sent it, and divided here; whoever mends how a shape is read can
read it again, without paying.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from builders.endpoints import DONE, Job, Read, Reply, Verdict
from builders.endpoints.replies import read_reply
from builders.endpoints.store import Store, Stored
from builders.ids import as_numbers, content_id
from builders.pool import Pool
from builders.sources import Drop, Record, Response, Source
from builders.sources.cells import Unusable, response_from_parts, response_from_reply
from builders.waiting import row_groups

LAYOUT = "replies"
_EXCERPT = 200


def reader(teacher: str) -> Read:
    """How a teacher's replies are judged while they come in."""

    def read(job: Job, reply: Reply) -> Verdict:
        question = job.about["question"]
        found = response_of(teacher, question, reply)
        if isinstance(found, Unusable):
            return Verdict(found.reason)
        return Verdict(DONE, content_id(question, *found[:3]))

    return read


def response_of(teacher: str, question: str, reply: Reply) -> Response | Unusable:
    """A reply as a teacher's response, or why it cannot be used."""
    said = (teacher, question)
    if reply.finish_reason == "length":  # whatever came: thinking that was cut may stand anywhere
        return Unusable("cut_by_length", teacher)
    if reply.reasoning is None:
        return response_from_reply(*said, reply.answer, reply.finish_reason)
    return response_from_parts(*said, reply.reasoning, reply.answer, reply.finish_reason)


def replies_as_source(pool: Pool, store: Store, teacher: str) -> Source:
    """Everything that is stored of a teacher, as a source for `importing`."""
    asked = store.asked()
    revisions = sorted({one["revision"] for one in asked.values() if "revision" in one})
    origin = f"replies of {teacher}"
    total = sum(store.outcomes().values())
    return Source(
        origin, ", ".join(revisions) or None, LAYOUT, total, _records(pool, store, teacher, origin)
    )


def _records(pool: Pool, store: Store, teacher: str, origin: str) -> Iterator[Record | Drop]:
    columns = ["question_id", "question", "reference_answer", "source", "license"]
    every = np.ones(pool.num_rows("questions"), np.bool_)
    for _, table in row_groups(pool, columns, every):
        rows = table.to_pylist()
        numbers = as_numbers(table["question_id"]).tolist()
        for row, (_, stored) in zip(rows, store.replies(numbers), strict=True):
            if stored:
                yield _record(row, stored, teacher, origin)


def _record(row: dict[str, Any], stored: list[Stored], teacher: str, origin: str) -> Record:
    question = row["question"]
    responses, dropped = [], []
    for one in stored:
        response = response_of(teacher, question, read_reply(one.body))
        if isinstance(response, Response):
            responses.append(response)
            continue
        key = content_id(question, teacher, str(one.asked), str(one.sample), response.reason)
        shown = question[:_EXCERPT] if response.excerpt is None else response.excerpt
        dropped.append(Drop(key, origin, one.sample, response.reason, shown, teacher))
    return Record(
        question,
        row["reference_answer"],
        row["source"],
        row["license"],
        tuple(responses),
        dropped=tuple(dropped),
    )
