"""Labels from a file: which row of the pool each one is for, and what it may say.

{"question_id": "41d8cd98f00b204e", "domain": "Science", "topic": "optics"}
{"question": "What is 7 + 5?", "domain": "Education"}
"""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from builders.errors import BadOption, BadSource
from builders.ids import content_id
from builders.schema import ANNOTATIONS, DISAGREES, DOMAINS, Annotation
from builders.sources.files import list_files, read_rows

_KEYS = {"questions": ("question_id", "question"), "traces": ("id", "question_id", "question")}


class Labels(NamedTuple):
    """The values of an annotation's columns, and by which ids each of them is found."""

    values: list[dict[str, Any]]
    by_id: dict[str, int]  # id of a trace or a question to the position in `values`


def annotation_named(name: str) -> Annotation:
    """The annotation of this name.

    Raises:
        BadOption: there is none; the message names the nearest.
    """
    if name not in ANNOTATIONS:
        near = difflib.get_close_matches(name, ANNOTATIONS, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise BadOption(f"annotation '{name}': {hint}there are: {', '.join(ANNOTATIONS)}")
    return ANNOTATIONS[name]


def read_labels(
    path: Path,
    name: str,
    *,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> Labels:
    """Read and check all labels of a file, or of a folder of files.

    Raises:
        BadSource: the file is broken, has no key or no value, or a value that cannot be meant.
    """
    annotation = annotation_named(name)
    wanted = [column.name for column in annotation.columns if column.name in _READERS]
    keys = _KEYS[annotation.grain]
    labels = Labels([], {})
    for file in list_files(path):
        for number, row in progress(read_rows(file)):
            where = f"{file}, row {number}"
            if not isinstance(row, Mapping):
                raise BadSource(f"{where}: no object with named columns")
            ids = [_id(key, row[key]) for key in keys if row.get(key)]
            given = {column: row[column] for column in wanted if column in row}
            if not ids or not given:
                raise BadSource(
                    f"{where}: has {', '.join(map(repr, row))}; needed: one of {', '.join(keys)}, "
                    f"and {' or '.join(wanted)}"
                )
            try:
                labels.values.append(_checked(given))
            except ValueError as error:
                raise BadSource(f"{where}: {error}") from error
            # An `id` may be the file's own, so the question's text counts as well.
            labels.by_id.update(dict.fromkeys(ids, len(labels.values) - 1))
    return labels


def read_label(column: str, value: Any) -> Any:
    """One value of an annotation's column, as the sidecar takes it.

    Raises:
        ValueError: it cannot be meant.
    """
    return _READERS[column](column, value)


def _id(key: str, value: Any) -> str:
    text = str(value).strip()
    return content_id(text.encode(errors="replace").decode()) if key == "question" else text


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: None if v is None else _READERS[name](name, v) for name, v in given.items()}
    if verdict := values.get("disagreement"):
        values["models_disagree"] = DISAGREES[verdict]
    elif (disagrees := values.get("models_disagree")) is not None:
        values["disagreement"] = "disagree" if disagrees else "agree"
    if "strategies" in values:  # what a judge quoted for others
        values["strategy_quotes"] = None
    return values


def read_text(name: str, value: Any) -> str:
    """A text that can be written.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError(f"{name} {value!r} is no text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} contains half of a surrogate pair") from error
    return value


def _one_of(choices: Iterable[str]) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if value not in tuple(choices):
            raise ValueError(f"{name} {value!r} is none of {', '.join(choices)}")
        return str(value)

    return read


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            number = low - 1
        exact = isinstance(value, str) or (value == number and not isinstance(value, bool))
        if exact and low <= number <= high:
            return number
        raise ValueError(f"{name} {value!r} is no whole number from {low} to {high}")

    return read


def _number(name: str, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isfinite(number):
        return number
    raise ValueError(f"{name} {value!r} is no number")


def _truth(name: str, value: Any) -> bool:
    truths = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in truths:
        return truths[value.lower()]
    raise ValueError(f"{name} {value!r} is neither true nor false")


def _texts(name: str, value: Any) -> list[str]:
    found = value.split(",") if isinstance(value, str) else value
    if not isinstance(found, list):
        raise ValueError(f"{name} {value!r} is no list of texts")
    return sorted({read_text(name, one).strip() for one in found} - {""})


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "domain": _one_of(DOMAINS),
    "topic": read_text,
    "cluster": _whole(-1, 2**31 - 1),
    "is_duplicate": _truth,
    "duplicate_of": read_text,
    "contaminated_by": _texts,
    "strategies": _texts,
    "verbosity": _whole(0, 10),
    "disagreement": _one_of(DISAGREES),
    "models_disagree": _truth,
    "second_answer": read_text,
    "correct": _truth,
    "local_naturalness": _number,
    "global_naturalness": _number,
    "local_naturalness_skip_first": _number,
    "num_steps": _whole(1, 2**31 - 1),
    "num_student_tokens": _whole(1, 2**31 - 1),
    "step_inverse_length": _number,
    "step_inverse_length_squared": _number,
    "step_inverse_length_times_score": _number,
    "not_scored": read_text,
}
