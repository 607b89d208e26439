"""Second answers: a model that does not teach answers the questions that have traces.

Asked for, stored and written like traces (see `generating`); what is written are rows of the table
`second_answers`. Thinking is left out: the answer is compared, and nothing is learned from it.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from builders.control_tokens import control_token
from builders.endpoints import DONE, Job, Read, Reply, Verdict
from builders.endpoints.replies import read_reply
from builders.endpoints.store import Store
from builders.files import read_columns
from builders.generating import Kind
from builders.ids import as_numbers, content_id
from builders.pool import Pool
from builders.sources import Drop, Record, SecondAnswer, Source
from builders.traces import ThinkNotClosed, split_reply
from builders.waiting import Missing, are_in, row_groups

TASK = "second-answer"
LAYOUT = "second answers"
_EXCERPT = 200


class Unusable(ValueError):
    """A reply that is no second answer; the message is a key of `DROP_REASONS`."""


def answer_of(reply: Reply) -> str:
    """What a second model answers, without its thinking.

    Raises:
        Unusable: it answers nothing.
    """
    if reply.finish_reason == "length":
        raise Unusable("cut_by_length")
    try:
        answer = split_reply(reply.answer).answer
    except ThinkNotClosed as error:
        raise Unusable("think_not_closed") from error
    if not answer:
        raise Unusable("no_answer")
    if control_token(answer):
        raise Unusable("control_token")
    try:
        answer.encode()
    except UnicodeEncodeError as error:
        raise Unusable("not_unicode") from error
    return answer


def _reader(model: str) -> Read:
    def read(job: Job, reply: Reply) -> Verdict:
        try:
            answer = answer_of(reply)
        except Unusable as error:
            return Verdict(str(error))
        return Verdict(DONE, content_id(job.about["question"], model, answer))

    return read


def _missing(
    pool: Pool, store: Store, asked: int, model: str, *, samples: int, again: bool = False
) -> Missing:
    """The questions with a trace and without an answer of this model; one answer is enough."""
    questions = pool.keys("questions")
    taught, answered = [], [store.usable_of_others(asked), store.subjects(asked, 0, again=again)]
    for shard in pool.shards("traces"):
        taught.append(as_numbers(read_columns(shard, ["question_id"])["question_id"]))
    for shard in pool.shards("second_answers"):
        table = read_columns(shard, ["question_id", "model"])
        table = table.filter(pc.equal(table["model"], model))
        answered.append(as_numbers(table["question_id"]))
    asks = are_in(questions, np.sort(np.concatenate(taught)))
    return Missing(questions, (asks & ~are_in(questions, np.sort(np.concatenate(answered))))[None])


def _as_source(pool: Pool, store: Store, model: str) -> Source:
    origin = f"second answers of {model}"
    revisions = sorted({one["revision"] for one in store.asked().values() if "revision" in one})
    total = sum(store.outcomes().values())
    records = _records(pool, store, model, origin)
    return Source(origin, ", ".join(revisions) or None, LAYOUT, total, records)


def _records(pool: Pool, store: Store, model: str, origin: str) -> Iterator[Record]:
    columns = ["question_id", "question", "reference_answer", "source", "license"]
    every = np.ones(pool.num_rows("questions"), np.bool_)
    for _, table in row_groups(pool, columns, every):
        numbers = as_numbers(table["question_id"]).tolist()
        for row, (_, stored) in zip(table.to_pylist(), store.replies(numbers), strict=True):
            answers, dropped = [], []
            for one in stored:
                try:
                    answers.append(SecondAnswer(model, answer_of(read_reply(one.body))))
                except Unusable as error:
                    said = (row["question_id"], model, str(one.asked), str(error))
                    shown = row["question"][:_EXCERPT]
                    key = content_id(LAYOUT, *said)
                    dropped.append(Drop(key, origin, one.sample, str(error), shown, model))
            if stored:
                yield Record(
                    row["question"],
                    row["reference_answer"],
                    row["source"],
                    row["license"],
                    second_answers=tuple(answers),
                    dropped=tuple(dropped),
                )


SECOND_ANSWERS = Kind(TASK, _missing, _reader, _as_source)
"""What `generating.generate` is asked for."""
