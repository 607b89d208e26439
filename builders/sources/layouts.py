"""How sources name their columns, and how their rows become records.

A layout is recognised by the columns of the first rows. Our own comes first: a `question`, with
`reasoning` and `answer`, or with a `response` that has inline `<think>`, or alone (to be answered
by a teacher later). Then those of published data sets, see `published`.

Columns with other names are given as a mapping.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from builders.errors import BadOption, UnknownLayout
from builders.ids import content_id
from builders.sources import Drop, Record, Response
from builders.sources.cells import (
    Cells,
    Defaults,
    Parts,
    Reader,
    Unusable,
    check_question,
    is_there,
    response_from_parts,
    response_from_reply,
    text_of,
)
from builders.sources.files import Unreadable
from builders.sources.published import OF_PUBLISHED, PUBLISHED, is_gsm8k, read_gsm8k

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

READ = OF_PUBLISHED | set(COLUMNS)
"""The columns that any layout reads; a file's others need not even be decoded."""

_EXCERPT = 200  # characters of the question that a dropped row is listed with
_ALONGSIDE = {"question", "reference_answer", "source", "license", "id", "question_id"}
_TRACE = {"response", "reasoning", "answer"}
_LISTED = 20  # columns that an error names


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
    for name, needed, read in PUBLISHED:
        if needed <= here:
            return Layout(name, read)
    if here == {"question", "answer"} and any(map(is_gsm8k, first_rows)):
        return Layout("gsm8k", read_gsm8k)
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
        if is_there(response):
            responses = (response_from_reply(teacher, question, response, finish),)
        elif is_there(reasoning) or is_there(answer):
            responses = (response_from_parts(teacher, question, reasoning, answer, finish),)
        return Parts(
            question,
            cells.get("reference_answer"),
            responses,
            source=cells.get("source"),
            license=cells.get("license"),
        )

    return read


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
