"""The items of a benchmark, from the Hub or from a file that stands in for it.

    Item(question="What is 7 + 5?", options=("10", "12"), answers=("12",))

Columns are recognised by their names; GPQA, MATH-500, MMLU-Pro and SuperGPQA have these.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from builders.errors import BadOption, BadSource
from builders.sources.files import is_file_name, list_files, read_rows
from builders.sources.hub import open_hub

QUESTION = ("question", "Question", "problem", "prompt")
OPTIONS = ("options", "choices")
WRONG = ("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")
ANSWERS = ("reference_answer", "reference", "answer", "Correct Answer", "solution", "Explanation")


class OnHub(NamedTuple):
    """Where a benchmark lies on the Hub."""

    repo: str
    subset: str | None
    split: str


BENCHMARKS = {  # the same as the evaluation's
    "gpqa_diamond": OnHub("Idavidrein/gpqa", "gpqa_diamond", "train"),
    "math_500": OnHub("HuggingFaceH4/MATH-500", None, "test"),
    "mmlu_pro": OnHub("TIGER-Lab/MMLU-Pro", None, "test"),
    "supergpqa": OnHub("m-a-p/SuperGPQA", None, "train"),
}


class Item(NamedTuple):
    """One item: what is asked, what may be chosen, and what the answer is or how it is found."""

    question: str
    options: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


class Benchmark(NamedTuple):
    """The items of a benchmark, and what they were read from."""

    name: str
    data: str
    revision: str  # the commit on the Hub, or a hash of the items
    items: list[Item]


def open_benchmark(words: str) -> Benchmark:
    """Read a benchmark: one of `BENCHMARKS`, a file or folder, or NAME=FILE.

    Raises:
        BadOption: it is none of them.
        BadSource: it cannot be read, or a row has no question.
    """
    name, equals, file = words.partition("=")
    if equals or Path(words).exists() or is_file_name(words):
        path = Path(file if equals else words)
        name = name if equals else path.resolve().name.split(".")[0]
        if not re.fullmatch(r"[\w.-]+", name):
            raise BadOption(f"--against {words}: '{name}' is no name; write --against NAME=FILE")
        items = _items(
            (row for one in list_files(path) for row in read_rows(one)), f"--against {words}"
        )
        whole = json.dumps(items, ensure_ascii=False).encode(errors="surrogatepass")
        return Benchmark(name, path.name, hashlib.sha256(whole).hexdigest()[:16], items)
    if words not in BENCHMARKS:
        raise BadOption(
            f"--against {words}: is no file, and no benchmark; there are: {', '.join(BENCHMARKS)}"
        )
    place = BENCHMARKS[words]
    try:
        rows = open_hub(place.repo, subset=place.subset, split=place.split, revision=None)
        return Benchmark(words, place.repo, rows.commit, _items(rows, words))
    except BadSource as error:
        raise BadSource(
            f"{words}: {error}; if it is gated, accept its terms on its page and log in "
            f"(hf auth login); or name a file that stands in: --against {words}=FILE"
        ) from error


def _items(rows: Iterable[tuple[int, Any]], where: str) -> list[Item]:
    items = [_item(row, f"{where}, row {number}") for number, row in rows]
    if not any(item.question for item in items):
        raise BadSource(f"{where}: every question is empty")
    return items


def _item(row: Any, where: str) -> Item:
    if not isinstance(row, Mapping):
        raise BadSource(f"{where}: is no object with named columns")
    if not any(name in row for name in QUESTION):
        raise BadSource(
            f"{where}: no column is called {', '.join(QUESTION)}; there are: {', '.join(row)}"
        )
    question = next((row[name] for name in QUESTION if row.get(name) is not None), "")
    options = next((row[name] for name in OPTIONS if row.get(name) is not None), None)
    wrong = [row[name] for name in WRONG if row.get(name) is not None]
    answers = [row[name] for name in ANSWERS if row.get(name) is not None]
    chosen = _list(options) or ([row.get("Correct Answer"), *wrong] if wrong else [])
    return Item(_text(question), tuple(map(_text, chosen)), tuple(map(_text, answers)))


def _list(options: Any) -> list[Any]:
    """Options as a list; in a cell of CSV they may be JSON, or stand one a line."""
    if isinstance(options, str):
        try:
            options = json.loads(options) if options.startswith("[") else options.split("\n")
        except ValueError:
            options = options.split("\n")
    if isinstance(options, Mapping):  # {"label": ["A", …], "text": [… ]}
        options = options.get("text", list(options.values()))
    return list(options) if isinstance(options, list) else []


def _text(value: Any) -> str:
    """A cell as text; bytes that were no UTF-8 are nobody's words."""
    return "" if value is None else str(value).strip().encode(errors="replace").decode()
