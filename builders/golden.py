"""A golden set: traces with labels that somebody gave by hand, to hold judges against.

    about: who labelled, and what it is good for
    traces:
      - question: How many primes are there below 10?
        reasoning: 2, 3, 5, 7. That is four. Check 9, it is 3 times 3.
        answer: "4"
        reference_answer: "4"
        domain: Science
        strategies: {self-verification: Check 9}
        verbosity: 1

YAML, or JSON with the same, or JSON lines, CSV or Parquet with one trace in a row. A label that is
not given is not held against anybody. `strategies` is a list, or a mapping to a quote for each,
which has to occur in the reasoning. `correct` says whether the answer is that of the reference,
`disagreement` whether `second_answer` comes to the same as the answer.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from builders.errors import BadSource
from builders.labels import read_label, read_text
from builders.sources import Record, Response, SecondAnswer, Source
from builders.sources.files import list_files, read_rows

TEACHER = "golden set"
"""What stands for the teacher and for the second model of a golden set."""

_TEXTS = ("question", "reasoning", "answer")
_LABELS = {
    "domain": "domain",
    "strategies": "strategies",
    "verbosity": "verbosity",
    "disagreement": "disagreement",
    "correct": "correctness",
}
"""Of each column the annotation that it is a label of."""


class GoldenRow(NamedTuple):
    """One trace, and its labels by annotation."""

    record: Record
    labels: dict[str, Any]


class Golden(NamedTuple):
    """A golden set: what it says of itself, and its traces."""

    name: str
    about: str | None
    rows: list[GoldenRow]


def read_golden(path: Path) -> Golden:
    """Read a golden set.

    Raises:
        BadSource: it cannot be read, a text is missing, a label cannot be meant, a quote does not
            occur, or a question occurs twice.
    """
    about, rows = _rows(path)
    found: list[GoldenRow] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        where = f"{path}, trace {number}"
        if not isinstance(row, Mapping):
            raise BadSource(f"{where}: no object with named values")
        try:
            one = _row(row)
        except ValueError as error:
            raise BadSource(f"{where}: {error}") from error
        first = seen.setdefault(one.record.question, number)
        if first != number:
            raise BadSource(f"{where}: asks the question of trace {first}")
        found.append(one)
    if not found:
        raise BadSource(f"{path}: there are no traces")
    return Golden(path.name, about, found)


def as_source(golden: Golden) -> Source:
    """A golden set as something to import, without its labels."""
    records = (row.record for row in golden.rows)
    return Source(golden.name, None, "golden set", len(golden.rows), records)


def _rows(path: Path) -> tuple[str | None, list[Any]]:
    if path.suffix not in (".yaml", ".yml"):
        return None, [row for file in list_files(path) for _, row in read_rows(file)]
    import yaml

    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise BadSource(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadSource(f"{path}: not YAML: {error}") from error
    if not isinstance(found, Mapping) or not isinstance(found.get("traces"), list):
        raise BadSource(f"{path}: has no list 'traces'")
    about = found.get("about")
    try:
        about = about if about is None else read_text("about", about)
    except ValueError as error:
        raise BadSource(f"{path}: {error}") from error
    return about, found["traces"]


def _row(row: Mapping[str, Any]) -> GoldenRow:
    texts = {}
    for name in (*_TEXTS, "reference_answer", "second_answer"):
        value = row.get(name)
        if value is None and name not in _TEXTS:
            continue
        texts[name] = read_text(name, value).strip()
        if not texts[name]:
            raise ValueError(f"{name} {value!r} is no text")
    labels = {}
    for column, annotation in _LABELS.items():
        if row.get(column) is not None:
            labels[annotation] = _label(column, row[column], texts["reasoning"])
    needed = {"correctness": "reference_answer", "disagreement": "second_answer"}
    for annotation, text in needed.items():
        if annotation in labels and text not in texts:
            raise ValueError(f"{annotation} needs a {text}")
    second = texts.get("second_answer")
    record = Record(
        texts["question"],
        texts.get("reference_answer"),
        TEACHER,
        "not shared",
        responses=(Response(TEACHER, texts["reasoning"], texts["answer"], "stop"),),
        second_answers=(SecondAnswer(TEACHER, second),) if second else (),
    )
    return GoldenRow(record, labels)


def _label(column: str, value: Any, reasoning: str) -> Any:
    if column == "strategies" and isinstance(value, Mapping):
        plain = " ".join(reasoning.split())
        for name, quote in value.items():
            if " ".join(str(quote).split()) not in plain:
                raise ValueError(f"strategies: the quote for {name} does not occur: {quote!r}")
        value = list(value)
    return read_label(column, value)
