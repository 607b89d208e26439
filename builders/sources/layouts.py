"""How sources name their columns, and how their rows become records.

A layout is recognised by the columns of the first row. The layouts of published data sets:

    natural_reasoning  question, reference_answer, responses[{response_model, response}]
    openthoughts       conversations[{from, value}], the reply with inline <think>
    s1k-1.1            question, solution, {deepseek,gemini}_{thinking_trajectory,attempt}
    limo               question, solution, answer
    gsm8k              question, answer, where the answer is "reasoning #### answer"

and our own: a `question`, with `reasoning` and `answer`, or with a `response` that has inline
`<think>`, or alone (to be answered by a teacher later). Other names are given as a mapping.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from builders.errors import BadOption, UnknownLayout
from builders.sources import UNKNOWN, Drop, Record, Response, SecondAnswer
from builders.traces import Reply, ThinkNotClosed, join_reply, split_reply

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
_ALONGSIDE = {"reference_answer", "source", "license", "id", "question_id"}


class Unusable(ValueError):
    """A row, or a teacher's response, that cannot be used, and why: a key of `DROP_REASONS`."""

    def __init__(self, reason: str, teacher: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.teacher = teacher


class Defaults(NamedTuple):
    """What is written where a row does not say it itself."""

    source: str
    license: str = UNKNOWN
    teacher: str = UNKNOWN


class Layout(NamedTuple):
    """A named reader: from one row's cells to the parts of a record."""

    name: str
    read: Callable[[Cells, Defaults], "Parts"]


class Parts(NamedTuple):
    """What a layout finds in a row; a response that cannot be used stands as its reason."""

    question: Any
    reference_answer: Any = None
    responses: tuple[Response | Unusable, ...] = ()
    second_answers: tuple[SecondAnswer, ...] = ()
    source: Any = None
    license: Any = None


def recognise(first_row: Cells, mapping: Mapping[str, str]) -> Layout:
    """The layout of a source whose first row is this.

    Args:
        first_row: the cells of the first row, by column.
        mapping: our name of a column (see `COLUMNS`) to the source's.

    Raises:
        BadOption: the mapping names a column that nobody has.
        UnknownLayout: no layout fits.
    """
    here = set(first_row)
    for ours, theirs in mapping.items():
        if ours not in COLUMNS:
            raise BadOption(f"--column {ours}={theirs}: '{ours}' is none of {', '.join(COLUMNS)}")
        if theirs not in here:
            raise BadOption(f"--column {ours}={theirs}: the source has {_listed(here)}")
    if mapping:
        names = {name: name for name in COLUMNS if name in here} | dict(mapping)
        if "question" not in names:
            raise BadOption("--column question=COLUMN is missing: which column was asked?")
        if "reasoning" in names and "answer" not in names:
            raise BadOption("--column answer=COLUMN is missing: --column reasoning=… needs it")
        return Layout("columns", lambda row, defaults: _read_own(row, defaults, names))
    for name, needed, read in _PUBLISHED:
        if needed <= here:
            return Layout(name, read)
    if here == {"question", "answer"} and _GSM8K_MARK in str(first_row["answer"]):
        return Layout("gsm8k", _read_gsm8k)
    if "question" in here and ("response" in here or {"reasoning", "answer"} <= here):
        return Layout(
            "own", lambda row, defaults: _read_own(row, defaults, {c: c for c in COLUMNS})
        )
    if "question" in here and here <= {"question", *_ALONGSIDE}:
        return Layout("questions", lambda row, defaults: _read_own(row, defaults, _QUESTION_ONLY))
    raise UnknownLayout(
        f"columns {_listed(here)} are not recognised; needed: 'question' with 'reasoning' and "
        "'answer', or with 'response'; or say which they are: "
        "--column question=COLUMN --column response=COLUMN"
    )


def read_row(
    layout: Layout, origin: str, number: int, row: Any, defaults: Defaults
) -> Record | Drop:
    """One row as a record, or the reason why it is none."""
    if not isinstance(row, Mapping):
        return Drop(origin, number, "not_an_object", str(row)[:_EXCERPT])
    try:
        parts = layout.read(row, defaults)
        question = _text(parts.question)
        if not question:
            raise Unusable("no_question")
        excerpt = question[:_EXCERPT]
        return Record(
            question=question,
            reference_answer=_text(parts.reference_answer) or None,
            source=_text(parts.source) or defaults.source,
            license=_text(parts.license) or defaults.license,
            responses=tuple(r for r in parts.responses if isinstance(r, Response)),
            second_answers=parts.second_answers,
            dropped=tuple(
                Drop(origin, number, r.reason, excerpt, r.teacher)
                for r in parts.responses
                if isinstance(r, Unusable)
            ),
        )
    except Unusable as unusable:
        return Drop(origin, number, unusable.reason, _excerpt(row))


def _read_own(row: Cells, defaults: Defaults, names: Mapping[str, str]) -> Parts:
    cells = {ours: row.get(theirs) for ours, theirs in names.items()}
    teacher = _text(cells.get("teacher")) or defaults.teacher
    finish = cells.get("finish_reason")
    responses: tuple[Response | Unusable, ...] = ()
    # A row with neither is a question that waits for its teacher.
    if cells.get("response") is not None:
        responses = (_from_reply(teacher, cells["response"], finish),)
    elif cells.get("reasoning") is not None:
        responses = (_from_parts(teacher, cells["reasoning"], cells.get("answer"), finish),)
    return Parts(
        cells.get("question"),
        cells.get("reference_answer"),
        responses,
        source=cells.get("source"),
        license=cells.get("license"),
    )


def _read_natural_reasoning(row: Cells, defaults: Defaults) -> Parts:
    second = tuple(
        SecondAnswer(_text(one.get("response_model")) or UNKNOWN, answer)
        for one in _objects(row.get("responses"))
        if (answer := _text(one.get("response")))
    )
    return Parts(row.get("question"), row.get("reference_answer"), (), second)


def _read_openthoughts(row: Cells, defaults: Defaults) -> Parts:
    said = {_text(one.get("from")): one.get("value") for one in _objects(row.get("conversations"))}
    response = _from_reply(defaults.teacher, said.get("gpt", said.get("assistant")))
    question = said.get("human", said.get("user"))
    return Parts(question, None, (response,), source=row.get("source"))


def _read_s1k(row: Cells, defaults: Defaults) -> Parts:
    responses = tuple(
        _from_parts(teacher, trajectory, row.get(f"{teacher}_attempt"))
        for teacher in ("deepseek", "gemini")
        if (trajectory := row.get(f"{teacher}_thinking_trajectory")) is not None
    )
    return Parts(row.get("question"), row.get("solution"), responses)


def _read_limo(row: Cells, defaults: Defaults) -> Parts:
    answer = row.get("answer")
    response = _from_parts(defaults.teacher, row.get("solution"), answer)
    return Parts(row.get("question"), answer, (response,))


def _read_gsm8k(row: Cells, defaults: Defaults) -> Parts:
    reasoning, mark, answer = _text(row.get("answer")).rpartition(_GSM8K_MARK)
    teacher = "human" if defaults.teacher == UNKNOWN else defaults.teacher
    # Without the mark all text is in the last part, and there is no reasoning.
    response = _from_parts(teacher, reasoning, answer)
    return Parts(row.get("question"), answer if mark else None, (response,))


_PUBLISHED: tuple[tuple[str, set[str], Callable[[Cells, Defaults], Parts]], ...] = (
    ("natural_reasoning", {"question", "reference_answer", "responses"}, _read_natural_reasoning),
    ("openthoughts", {"conversations"}, _read_openthoughts),
    ("s1k-1.1", {"question", "deepseek_thinking_trajectory", "deepseek_attempt"}, _read_s1k),
    ("limo", {"question", "solution", "answer"}, _read_limo),
)
_QUESTION_ONLY = {name: name for name in ("question", "reference_answer", "source", "license")}


def _from_reply(teacher: str, text: Any, finish_reason: Any = None) -> Response | Unusable:
    """A response from a whole reply with inline `<think>`, or why it is none."""
    return _checked(teacher, lambda: split_reply(_text(text)), finish_reason)


def _from_parts(
    teacher: str, reasoning: Any, answer: Any, finish_reason: Any = None
) -> Response | Unusable:
    """A response from its two parts, or why it is none."""

    def reply() -> Reply:
        parts = Reply(_text(reasoning), _text(answer))
        # Stray tags in the parts would be read as tags by whoever trains on the row.
        return split_reply(join_reply(*parts)) if "think>" in "".join(parts) else parts

    return _checked(teacher, reply, finish_reason)


def _checked(teacher: str, read: Callable[[], Reply], finish_reason: Any) -> Response | Unusable:
    try:
        finish = _text(finish_reason) or None
        reply = read()
    except ThinkNotClosed:
        return Unusable("think_not_closed", teacher)
    except Unusable as unusable:
        return Unusable(unusable.reason, teacher)
    if finish == "length":
        return Unusable("cut_by_length", teacher)
    if not reply.reasoning:
        return Unusable("no_reasoning", teacher)
    if not reply.answer:
        return Unusable("no_answer", teacher)
    return Response(teacher, reply.reasoning, reply.answer, finish)


def _text(value: Any) -> str:
    """A cell as text without white space around it; a number as its digits; null as ""."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unusable("not_text")
    text = str(value).strip()
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unusable("not_unicode") from error
    return text


def _objects(value: Any) -> list[Cells]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise Unusable("not_text")
    return value


def _excerpt(row: Cells) -> str:
    for value in (row.get("question"), row):
        text = str(value)[:_EXCERPT] if value else ""
        if text:
            return text.encode(errors="replace").decode()
    return ""


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(map(str, names)))
