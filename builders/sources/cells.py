"""What the cells of a row say: a text, or a teacher's response, or why it is none."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from builders.control_tokens import control_token
from builders.sources import UNKNOWN, Response, SecondAnswer
from builders.traces import Reply, ThinkNotClosed, join_reply, split_reply

Cells = Mapping[str, Any]

_LONGEST = 1_000_000
"""Characters of question, reasoning and answer together: no student reads more, and a thousand
such rows still fit into one row group. Ours."""

_BESIDE = 60
"""Characters on either side of what a row is dropped for, so that it can be found. Ours."""

_THINK = re.compile("</?think>")


class Unusable(ValueError):
    """A row, or a teacher's response, that cannot be used, and why: a key of `DROP_REASONS`.

    The excerpt shows the place, where there is one; else the question is shown.
    """

    def __init__(self, reason: str, teacher: str | None = None, excerpt: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.teacher = teacher
        self.excerpt = excerpt


class Defaults(NamedTuple):
    """What is written where a row does not say it itself."""

    source: str
    license: str = UNKNOWN
    teacher: str = UNKNOWN


class Parts(NamedTuple):
    """What a layout finds in a row; a response that cannot be used stands as its reason."""

    question: str
    reference_answer: Any = None
    responses: tuple[Response | Unusable, ...] = ()
    second_answers: tuple[SecondAnswer, ...] = ()
    source: Any = None
    license: Any = None


Reader = Callable[[Cells, Defaults], Parts]


def text_of(value: Any) -> str:
    """A cell as text without white space around it; a number as its digits; no value as "".

    Raises:
        Unusable: it is neither text nor a number, or no Unicode, or too long.
    """
    if value is None or value != value:  # NaN, which tables use for "no value"
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unusable("not_text")
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers becomes float where a value is missing
    text = str(value).strip()
    if len(text) > _LONGEST:
        raise Unusable("too_long")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unusable("not_unicode") from error
    return text


def check_question(question: str) -> None:
    """Refuse a question that is none, or has in it what belongs to a template or to a reply.

    Raises:
        Unusable: it cannot be asked.
    """
    if not question:
        raise Unusable("no_question")
    if tag := _THINK.search(question):
        raise Unusable("think_in_question", excerpt=_around(question, tag.group()))
    _refuse_control_tokens(question)


def response_from_reply(
    teacher: str, question: str, text: Any, finish_reason: Any = None
) -> Response | Unusable:
    """A response from a whole reply with inline `<think>`."""
    return _checked(teacher, question, lambda: split_reply(text_of(text)), finish_reason)


def response_from_parts(
    teacher: str, question: str, reasoning: Any, answer: Any, finish_reason: Any = None
) -> Response | Unusable:
    """A response from its two parts."""

    def reply() -> Reply:
        parts = Reply(text_of(reasoning), text_of(answer))
        # Stray tags in the parts would be read as tags by whoever trains on the row.
        return split_reply(join_reply(*parts)) if "think>" in "".join(parts) else parts

    return _checked(teacher, question, reply, finish_reason)


def _checked(
    teacher: str, question: str, read: Callable[[], Reply], finish_reason: Any
) -> Response | Unusable:
    try:
        finish = text_of(finish_reason) or None
        reply = read()
        if finish == "length":
            raise Unusable("cut_by_length")
        if not reply.reasoning:
            raise Unusable("no_reasoning")
        if not reply.answer:
            raise Unusable("no_answer")
        if len(question) + len(reply.reasoning) + len(reply.answer) > _LONGEST:
            raise Unusable("too_long")
        for part in reply:
            _refuse_control_tokens(part)
        if not _can_be_divided_again(reply):
            raise Unusable("not_separable")
    except ThinkNotClosed:
        return Unusable("think_not_closed", teacher)
    except Unusable as unusable:
        return Unusable(unusable.reason, teacher, unusable.excerpt)
    return Response(teacher, reply.reasoning, reply.answer, finish)


def _refuse_control_tokens(text: str) -> None:
    if token := control_token(text):
        raise Unusable("control_token", excerpt=_around(text, token))


def _around(text: str, found: str) -> str:
    """The first place where something stands, with what is beside it."""
    at = text.index(found)
    return text[max(0, at - _BESIDE) : at + len(found) + _BESIDE]


def _can_be_divided_again(reply: Reply) -> bool:
    """Whether the published message gives the same parts to whoever divides it."""
    try:
        return split_reply(join_reply(*reply)) == reply
    except ThinkNotClosed:
        return False


def is_there(value: Any) -> bool:
    """Whether a cell has content; NaN and white space are none."""
    if isinstance(value, str):
        return bool(value.strip())
    return value is not None and value == value


def objects_of(value: Any) -> list[Cells]:
    """A cell as a list of objects; no value as none of them.

    Raises:
        Unusable: it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise Unusable("not_text")
    return value
