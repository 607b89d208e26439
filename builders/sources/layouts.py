"""How sources name their columns, and how their rows become records.

A layout is recognised by the columns of the first rows. Our own comes first: a `question`, with
`reasoning` and `answer`, or with a `response` that has inline `<think>`, or alone (to be answered
by a teacher later). Then those of published data sets:

    natural_reasoning  question, reference_answer, responses[{response_model, response}]
    openthoughts       conversations[{from, value}], the reply with inline <think>
    s1k-1.1            question, solution, {deepseek,gemini}_{thinking_trajectory,attempt}
    limo               question, solution, answer
    gsm8k              question, answer, where the answer is "reasoning #### answer"

Columns with other names are given as a mapping.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from builders.errors import BadOption, UnknownLayout
from builders.ids import content_id
from builders.sources import UNKNOWN, Drop, Record, Response, SecondAnswer
from builders.sources.cells import (
    Unusable,
    check_question,
    response_from_parts,
    response_from_reply,
    text_of,
)
from builders.sources.files import Unreadable

Cells = Mapping[str, Any]

COLUMNS = {
    "question": "what was asked",
    "reference_answer": "the source's own answer",
    "response": "a whole reply, with <think>…</think> inline",
    "reasoning": "the thinking, without tags",
    "answer": "the final answer",
    "teacher": "who wrote the trace",
    "source": "where the question comes from",
    "license": "the licence of the source",
    "finish_reason": "why generation stopped ('length' marks a cut trace)",
}
"""The names that `--column NAME=COLUMN` maps, and that need no mapping."""

_GSM8K_MARK = "####"
_EXCERPT = 200  # characters of the question that a dropped row is listed with
_ALONGSIDE = {"question", "reference_answer", "source", "license", "id", "question_id"}
_TRACE = {"response", "reasoning", "answer"}
_LISTED = 20  # columns that an error names


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


class Layout(NamedTuple):
    """A named reader: from one row's cells to the parts of a record."""

    name: str
    read: Reader


def recognise(first_rows: Collection[Cells], mapping: Mapping[str, str]) -> Layout:
    """The layout of a source that begins with these rows.

    Args:
        first_rows: some rows; a column counts as there if any of them has it.
        mapping: our name of a column (see `COLUMNS`) to the source's.

    Raises:
        BadOption: the mapping names a column that nobody has.
        UnknownLayout: no layout fits.
    """
    here = {name for row in first_rows for name in row}
    if mapping:
        return Layout("columns", _own_reader(_mapped(mapping, here)))
    own = _own_reader({name: name for name in COLUMNS})
    if "question" in here:
        if "response" in here or {"reasoning", "answer"} <= here:
            return Layout("own", own)
        if here <= _ALONGSIDE:
            return Layout("questions", own)
    for name, needed, read in _PUBLISHED:
        if needed <= here:
            return Layout(name, read)
    marked = any(_GSM8K_MARK in str(row.get("answer")) for row in first_rows)
    if here == {"question", "answer"} and marked:
        return Layout("gsm8k", _read_gsm8k)
    raise UnknownLayout(
        f"columns {_listed(here)} are not recognised; say which they are: --column question=COLUMN "
        "with --column response=COLUMN (inline <think>), or with --column reasoning=COLUMN and "
        "--column answer=COLUMN, or alone for questions without traces"
    )


def _mapped(mapping: Mapping[str, str], here: set[str]) -> dict[str, str]:
    """Our name of every column to the source's; names that are not mapped stand for themselves."""
    for ours, theirs in mapping.items():
        if ours not in COLUMNS:
            raise BadOption(f"--column {ours}={theirs}: '{ours}' is none of {', '.join(COLUMNS)}")
        if theirs not in here:
            raise BadOption(f"--column {ours}={theirs}: the source has {_listed(here)}")
    if "question" not in {*mapping, *here}:
        raise BadOption("--column question=COLUMN is missing: which column was asked?")
    if "reasoning" in mapping and "answer" not in {*mapping, *here}:
        raise BadOption("--column answer=COLUMN is missing: --column reasoning=… needs it")
    # What was said of the trace is all of it: a column `response` beside a mapped reasoning is not.
    said = _TRACE & set(mapping)
    unsaid = set() if not said else {"response"} if "response" not in said else _TRACE - said
    return {name: name for name in COLUMNS if name not in unsaid} | dict(mapping)


def read_row(
    layout: Layout, origin: str, number: int, row: Any, defaults: Defaults
) -> Record | Drop:
    """One row as a record, or the reason why it is none."""

    def drop(unusable: Unusable, question: str) -> Drop:
        excerpt = question[:_EXCERPT] if unusable.excerpt is None else unusable.excerpt
        key = content_id(_said(row), unusable.reason, unusable.teacher or "")
        return Drop(key, origin, number, unusable.reason, excerpt, unusable.teacher)

    try:
        if isinstance(row, Unreadable):
            raise Unusable(row.reason, excerpt=_printable(row.text))
        if not isinstance(row, Mapping):
            raise Unusable("not_an_object")
        parts = layout.read(row, defaults)
        check_question(parts.question)
        return Record(
            question=parts.question,
            reference_answer=text_of(parts.reference_answer) or None,
            source=text_of(parts.source) or defaults.source,
            license=text_of(parts.license) or defaults.license,
            responses=tuple(r for r in parts.responses if isinstance(r, Response)),
            second_answers=parts.second_answers,
            dropped=tuple(
                drop(r, parts.question) for r in parts.responses if isinstance(r, Unusable)
            ),
        )
    except Unusable as unusable:
        question = row.get("question") if isinstance(row, Mapping) else None
        return drop(unusable, _printable(question or row))


def _own_reader(names: Mapping[str, str]) -> Reader:
    def read(row: Cells, defaults: Defaults) -> Parts:
        cells = {ours: row.get(theirs) for ours, theirs in names.items()}
        question = text_of(cells.get("question"))
        teacher = text_of(cells.get("teacher")) or defaults.teacher
        finish = cells.get("finish_reason")
        response, reasoning, answer = (
            cells.get(name) for name in ("response", "reasoning", "answer")
        )
        responses: tuple[Response | Unusable, ...] = ()
        # A row with none of them is a question that waits for its teacher.
        if _is_there(response):
            responses = (response_from_reply(teacher, question, response, finish),)
        elif _is_there(reasoning) or _is_there(answer):
            responses = (response_from_parts(teacher, question, reasoning, answer, finish),)
        return Parts(
            question,
            cells.get("reference_answer"),
            responses,
            source=cells.get("source"),
            license=cells.get("license"),
        )

    return read


def _read_natural_reasoning(row: Cells, defaults: Defaults) -> Parts:
    second = tuple(
        SecondAnswer(text_of(one.get("response_model")) or UNKNOWN, answer)
        for one in _objects(row.get("responses"))
        if (answer := text_of(one.get("response")))
    )
    return Parts(text_of(row.get("question")), row.get("reference_answer"), (), second)


def _read_openthoughts(row: Cells, defaults: Defaults) -> Parts:
    turns = _objects(row.get("conversations"))
    asked = [turn.get("value") for turn in turns if turn.get("from") in ("human", "user")]
    replied = [turn.get("value") for turn in turns if turn.get("from") in ("gpt", "assistant")]
    if len(asked) != 1 or len(replied) != 1:
        raise Unusable("not_one_turn")
    question = text_of(asked[0])
    response = response_from_reply(defaults.teacher, question, replied[0])
    return Parts(question, None, (response,), source=row.get("source"))


def _read_s1k(row: Cells, defaults: Defaults) -> Parts:
    question = text_of(row.get("question"))
    found = (
        (who, row.get(f"{who}_thinking_trajectory"), row.get(f"{who}_attempt"))
        for who in ("deepseek", "gemini")  # named as the source names them
    )
    responses = tuple(
        response_from_parts(who, question, trajectory, attempt)
        for who, trajectory, attempt in found
        if _is_there(trajectory) or _is_there(attempt)
    )
    return Parts(question, row.get("solution"), responses, source=row.get("source_type"))


def _read_limo(row: Cells, defaults: Defaults) -> Parts:
    question, answer = text_of(row.get("question")), row.get("answer")
    response = response_from_parts(defaults.teacher, question, row.get("solution"), answer)
    return Parts(question, answer, (response,))


def _read_gsm8k(row: Cells, defaults: Defaults) -> Parts:
    question = text_of(row.get("question"))
    reasoning, mark, answer = text_of(row.get("answer")).rpartition(_GSM8K_MARK)
    teacher = "human" if defaults.teacher == UNKNOWN else defaults.teacher
    # Without the mark all text is in the last part, and there is no reasoning.
    response = response_from_parts(teacher, question, reasoning, answer)
    return Parts(question, answer if mark else None, (response,))


_PUBLISHED: tuple[tuple[str, set[str], Reader], ...] = (
    ("natural_reasoning", {"question", "reference_answer", "responses"}, _read_natural_reasoning),
    ("openthoughts", {"conversations"}, _read_openthoughts),
    ("s1k-1.1", {"question", "deepseek_thinking_trajectory", "deepseek_attempt"}, _read_s1k),
    ("limo", {"question", "solution", "answer"}, _read_limo),
)

READ = frozenset(
    {*COLUMNS, "responses", "conversations", "solution", "source_type"}
    | {
        f"{who}_{what}"
        for who in ("deepseek", "gemini")
        for what in ("thinking_trajectory", "attempt")
    }
)
"""The columns that any layout reads; a file's others need not even be decoded."""


def _is_there(value: Any) -> bool:
    """Whether a cell has content; NaN and white space are none."""
    if isinstance(value, str):
        return bool(value.strip())
    return value is not None and value == value


def _objects(value: Any) -> list[Cells]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise Unusable("not_text")
    return value


def _said(row: Any) -> str:
    """All that a row says, as one text."""
    try:
        return json.dumps(row, default=str, sort_keys=True)
    except (TypeError, ValueError):  # names of columns that cannot be sorted; a row in itself
        return repr(row)


def _printable(value: Any) -> str:
    """The beginning of whatever a row is, as a text that can be written."""
    return str(value)[:_EXCERPT].encode(errors="replace").decode()


def _listed(names: Iterable[Any]) -> str:
    """Names of columns as a message shows them: on one line, and not thousands."""
    ordered = sorted(map(str, names))
    more = f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return ", ".join(map(repr, ordered[:_LISTED])) + more
