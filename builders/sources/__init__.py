"""Where questions and traces come from: files, the Hub, and the synthetic demo.

Every source yields a `Record` or a `Drop` for each of its rows:

    Record(question="What is 7 + 5?", reference_answer="12", source="sums", license="mit",
           responses=(Response("synthetic-teacher", "7 + 5 = 12.", "12"),))
    Drop(id="9f0c4e7d21b86a35", origin="sums.jsonl", row=17, reason="think_not_closed",
         excerpt="Prove that …")
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

DEMO = "naturalthoughts-synthetic-demo"
"""The source of the embedded demo; the data card says that its rows are synthetic."""

UNKNOWN = "unknown"
"""Written where a source does not say its licence or teacher; the data card points it out."""

DROP_REASONS = {
    "no_question": "the question is missing or empty",
    "no_reasoning": "the response has no reasoning (none, or an empty think block)",
    "no_answer": "the response has reasoning but no final answer",
    "think_not_closed": "the thinking never ends: the response was cut off",
    "cut_by_length": "the source says that the response was cut by its length limit",
    "not_separable": "reasoning and answer both leave a code block open, which hides </think>",
    "think_in_question": "the question contains <think> or </think>, which belong to a reply",
    "control_token": "a text contains a control token of a chat template, such as <|im_end|>",
    "too_long": "question, reasoning and answer are longer than a million characters together",
    "not_one_turn": "the conversation is not one question and one reply",
    "not_text": "a value that should be text is neither text nor a number",
    "not_unicode": "a text is no Unicode: bytes that are not UTF-8, or half of a surrogate pair",
    "too_deep": "the row is nested too deeply to be read",
    "not_an_object": "the row is not an object with named columns",
}


class Response(NamedTuple):
    """One teacher's response to a question."""

    teacher: str
    reasoning: str
    answer: str
    finish_reason: str | None = None


class SecondAnswer(NamedTuple):
    """What a second model answered; kept for annotating disagreement."""

    model: str
    answer: str


class Drop(NamedTuple):
    """A row, or a teacher's response, that cannot be used, and why: a key of `DROP_REASONS`.

    The id is a hash of what the row says, so the same row is listed once, wherever it comes from.
    """

    id: str
    origin: str
    row: int
    reason: str
    excerpt: str
    teacher: str | None = None


class Record(NamedTuple):
    """One question with all that a source says about it.

    `annotations` maps an annotation's name to its columns' values; they describe the question, or
    the only response. `dropped` are its responses that cannot be used.
    """

    question: str
    reference_answer: str | None
    source: str
    license: str
    responses: tuple[Response, ...] = ()
    second_answers: tuple[SecondAnswer, ...] = ()
    annotations: Mapping[str, Mapping[str, Any]] = {}
    dropped: tuple[Drop, ...] = ()


Position = Mapping[str, Any]
"""A place in a source, for a manifest: how many `rows` are before it, and what its reader needs."""


class Resume(NamedTuple):
    """How to go on with a source that was cut off.

    `position` is the place behind so many rows, or None where it cannot be told; `after` are the
    records behind a place.
    """

    position: Callable[[int], Position | None]
    after: Callable[[Position], Iterator[Record | Drop]]


class Source(NamedTuple):
    """An opened source: what it was resolved to, and its rows as a stream.

    `layout` names the columns that were recognised (see `layouts`); `total` is the number of rows
    where that is known beforehand; `options` are those that decide what its rows say.
    """

    name: str
    revision: str | None
    layout: str
    total: int | None
    records: Iterator[Record | Drop]
    options: Mapping[str, Any] = {}
    resume: Resume | None = None
