"""The benchmarks, and their questions from a file, a folder or the Hub in one form.

    Question(id='9f2c41…', text='What is 7 + 5?', reference='12', options=(), domain='Mathematics',
             difficulty='1')

A question with options is answered by a letter, another by a number, an expression or a word. Any
file may stand in for a benchmark; columns are recognised by their names (`COLUMNS`).
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from preflight import Stop

SHUFFLING = 1
"""Raise it when the order of options changes for the same question and seed."""

COMMIT = re.compile("[0-9a-f]{40}")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FILES = (".parquet", ".jsonl", ".json", ".csv")

COLUMNS: dict[str, tuple[str, ...]] = {
    "text": ("question", "Question", "problem", "prompt"),
    "options": ("options", "choices"),
    "reference": ("reference_answer", "reference", "answer", "Correct Answer", "answer_letter"),
    "right": ("answer_index", "answer_letter", "answer", "reference_answer", "reference"),
    "domain": ("domain", "discipline", "category", "subject", "High-level domain", "topic"),
    "difficulty": ("steps", "difficulty", "level"),
}
"""The columns that hold each part, the first that is there."""

GPQA_WRONG = tuple(f"Incorrect Answer {number}" for number in (1, 2, 3))

REFERS_TO_OTHERS = re.compile(
    r"\b(all|none|both|neither|either|any) of (the|these) (above|others?|following|options)\b"
    r"|\b(above|below|preceding)\b|^\(?[A-J]\)?( ?, ?\(?[A-J]\)?)*,? (and|or|&) \(?[A-J]\)?\b",
    re.IGNORECASE,
)
"""Options that speak of other options: such a question keeps its order."""


class Benchmark(NamedTuple):
    """Where a benchmark lies, and how it is run unless somebody says otherwise.

    The Hub's names are those that lighteval's own tasks use, and for SuperGPQA its page; none of
    them is checked before it is opened, and what was opened is recorded.
    """

    name: str
    hub_id: str | None = None
    subset: str | None = None
    split: str = "test"
    seeds: int = 1
    max_new_tokens: int = 16_384
    paper: str | None = None  # what the paper calls it


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        # Traces of the demo have at most some 600 tokens: ours.
        Benchmark("demo_like", None, "benchmark", "like", max_new_tokens=1024),
        Benchmark("demo_harder", None, "benchmark", "harder", max_new_tokens=1024),
        Benchmark("demo_unseen", None, "benchmark", "unseen", max_new_tokens=1024),
        # Seeds and length are the paper's.
        Benchmark("gpqa_diamond", "Idavidrein/gpqa", "gpqa_diamond", "train", 24, paper="GPQA-D"),
        Benchmark("math_500", "HuggingFaceH4/MATH-500", None, "test", 16, paper="MATH-500"),
        Benchmark("mmlu_pro", "TIGER-Lab/MMLU-Pro", None, "test", paper="MMLU-Pro"),
        Benchmark("supergpqa", "m-a-p/SuperGPQA", None, "train", paper="SuperGPQA"),
    )
}
GROUPS = {"demo": ("demo_like", "demo_harder", "demo_unseen")}


class Question(NamedTuple):
    """What is asked, and the right answer; with options, the right one stands first."""

    id: str
    text: str
    reference: str
    options: tuple[str, ...] = ()
    keep_order: bool = False
    right: int = 0  # its place, where the order is kept
    domain: str | None = None
    difficulty: str | None = None


class Posed(NamedTuple):
    """Options in the order of a seed, and the letter of the right one."""

    options: tuple[str, ...]
    letter: str


class Questions(NamedTuple):
    """The questions of a benchmark, and what they were read from."""

    benchmark: Benchmark
    rows: list[Question]
    data: str
    revision: str  # the commit on the Hub, or a hash of the questions


def pose(question: Question, seed: int) -> Posed:
    """The options in an order that follows from the question and the seed alone."""
    places = range(len(question.options))

    def rank(place: int) -> bytes:
        return hashlib.sha256(f"{seed}\0{question.id}\0{place}".encode()).digest()

    order = list(places) if question.keep_order else sorted(places, key=rank)
    options = tuple(question.options[place] for place in order)
    return Posed(options, LETTERS[order.index(question.right)])


def benchmarks_of(names: Sequence[str], data: Mapping[str, str]) -> list[Benchmark]:
    """The benchmarks that are named; a name of one's own needs a file.

    Raises:
        Stop: nobody knows the name.
    """
    found = []
    each = [one for name in names for one in GROUPS.get(name, (name,))]
    for name in dict.fromkeys(each):
        if name not in BENCHMARKS and name not in data:
            known = [*GROUPS, *BENCHMARKS]
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise Stop(
                f"there is no benchmark {name!r}; {hint}there are {', '.join(known)}, or a file of "
                f"your own: --data {name}=FILE"
            )
        if name not in BENCHMARKS and not re.fullmatch(r"[\w.-]+", name):
            raise Stop(f"a benchmark's name has letters, digits, '_', '-' and '.' only: {name!r}")
        found.append(BENCHMARKS.get(name) or Benchmark(name))
    return found


def read_questions(
    benchmark: Benchmark, data: str | None, *, max_samples: int | None = None
) -> Questions:
    """Read a benchmark from the file that stands in for it, or from the Hub.

    With `max_samples`, those with the smallest hashes: the same ones for every student.

    Raises:
        Stop: it cannot be read, or a row of it is not a question with its answer.
    """
    if data is not None and Path(data).exists():
        rows, told, revision = _read_path(benchmark, Path(data)), data, None
    elif data is None and benchmark.name in GROUPS["demo"]:
        raise Stop(
            f"{benchmark.name} lies beside the demo's pool: nt import demo --pool pool, and "
            "--data demo=pool"
        )
    elif data is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", data):
        raise Stop(f"--data {benchmark.name}: there is no file or folder {data}")
    else:
        rows, told, revision = _read_hub(benchmark, data)
    questions = _questions(rows, told)
    whole = hashlib.sha256(json.dumps([list(q) for q in questions]).encode()).hexdigest()[:16]
    if max_samples is not None and max_samples < len(questions):
        questions = sorted(questions, key=lambda question: question.id)[:max_samples]
    return Questions(benchmark, questions, told, revision or whole)


def _read_path(benchmark: Benchmark, path: Path) -> Iterable[Mapping[str, Any]]:
    """The rows of a file or a folder, such as a pool with the demo's benchmark."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.json
    import pyarrow.parquet

    if path.is_dir():
        inside = [path / "benchmark" / f"{benchmark.split}.parquet", *sorted(path.iterdir())]
        stem = benchmark.split if benchmark.name in GROUPS["demo"] else None
        files = [
            file
            for file in inside
            if file.suffix in FILES and file.is_file() and stem in (None, file.stem)
        ][: 1 if stem else None]
        if not files:
            what = f"benchmark/{benchmark.split}.parquet" if stem else f"a file {', '.join(FILES)}"
            raise Stop(f"--data {benchmark.name}={path}: the folder has no {what}")
    else:
        files = [path]
    rows: list[Mapping[str, Any]] = []
    for file in files:
        try:
            if file.suffix == ".parquet":
                rows += pa.parquet.read_table(file).to_pylist()
            elif file.suffix == ".csv":
                told = pa.csv.ParseOptions(newlines_in_values=True)
                rows += pa.csv.read_csv(file, parse_options=told).to_pylist()
            elif file.suffix == ".jsonl":
                lines = file.read_text(encoding="utf-8").split("\n")
                rows += [json.loads(line) for line in lines if line.strip()]
            elif file.suffix == ".json":
                rows += json.loads(file.read_text(encoding="utf-8"))
            else:
                raise Stop(f"--data {benchmark.name}: {file} is none of {', '.join(FILES)}")
        except (pa.ArrowInvalid, ValueError, OSError) as error:
            told = " ".join(str(error).split())[:200]
            raise Stop(f"--data {benchmark.name}: {file} cannot be read: {told}") from error
    return rows


def _read_hub(
    benchmark: Benchmark, data: str | None
) -> tuple[Iterable[Mapping[str, Any]], str, str | None]:
    """The rows of a data set on the Hub or in its cache, its name, and the commit that was read."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    name, _, revision = (data or benchmark.hub_id or "").partition("@")
    subset = benchmark.subset if benchmark.hub_id in (None, name) else None
    try:
        rows = load_dataset(name, subset, split=benchmark.split, revision=revision or None)
    except (DatasetNotFoundError, ConnectionError, OSError, ValueError) as error:
        told = " ".join(str(error).split())[:300]
        raise Stop(
            f"{benchmark.name}: {name} cannot be read: {told}. If it is gated, accept its terms at "
            f"https://huggingface.co/datasets/{name} and log in (hf auth login); without a network "
            f"name a file: --data {benchmark.name}=FILE"
        ) from error
    # datasets names the folder of its cache by the commit.
    parts = [part for file in rows.cache_files for part in Path(file["filename"]).parts]
    commit = next((part for part in parts if COMMIT.fullmatch(part)), None)
    if revision and commit:
        _check_revision(name, revision, commit)
    return rows, name, commit


def _check_revision(name: str, revision: str, commit: str) -> None:
    """Stop if the rows are of another revision: load_dataset may answer from its cache."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    asked = revision
    if COMMIT.fullmatch(revision) is None:
        try:
            asked = HfApi().dataset_info(name, revision=revision).sha or commit
        except (HfHubHTTPError, OfflineModeIsEnabled, ConnectionError) as error:
            raise Stop(
                f"whether the cached rows are {name}@{revision} cannot be seen offline; name the "
                f"commit: {name}@{commit}"
            ) from error
    if asked != commit:
        raise Stop(f"asked for {name}@{revision}, which is {asked[:12]}, but read {commit[:12]}")


def _questions(rows: Iterable[Mapping[str, Any]], told: str) -> list[Question]:
    found: list[Question] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        question = read_row(row, f"row {number} of {told}")
        times = seen[question.id] = seen.get(question.id, 0) + 1
        if times > 1:  # asked twice: both count, each by its own name
            question = question._replace(id=f"{question.id}-{times}")
        found.append(question)
    if not found:
        raise Stop(f"{told} holds no questions")
    return found


def read_row(row: Mapping[str, Any], where: str) -> Question:
    """A question out of a row, whatever its columns are called.

    Raises:
        Stop: something is missing.
    """
    parts = {part: _first(row, names) for part, names in COLUMNS.items()}
    text, options, right = parts["text"], parts["options"], 0
    if text is None:
        raise Stop(
            f"{where} has no question; a column is called one of {', '.join(COLUMNS['text'])}; "
            f"here are {', '.join(row)}"
        )
    if all(wrong in row for wrong in GPQA_WRONG):
        options = [row["Correct Answer"], *(row[wrong] for wrong in GPQA_WRONG)]
    elif options is not None:
        options, right = _options(options, row, where)
    reference = options[right] if options else parts["reference"]
    if reference is None or not str(reference).strip():
        raise Stop(
            f"{where} has no answer; a column is called one of {', '.join(COLUMNS['reference'])}; "
            f"here are {', '.join(row)}"
        )
    texts = tuple(str(option).strip() for option in options or ())
    if len(texts) > len(LETTERS):
        raise Stop(f"{where} has {len(texts)} options; there are letters for {len(LETTERS)}")
    text = str(text).strip()
    told = [None if parts[part] is None else str(parts[part]) for part in ("domain", "difficulty")]
    return Question(
        id=hashlib.sha256("\0".join((text, *sorted(texts))).encode()).hexdigest()[:16],
        text=text,
        # GSM8K writes its solution in front of the answer.
        reference=str(reference).rpartition("####")[2].strip(),
        options=texts,
        keep_order=any(REFERS_TO_OTHERS.search(option) for option in texts),
        right=right,
        domain=told[0],
        difficulty=told[1],
    )


def _options(options: Any, row: Mapping[str, Any], where: str) -> tuple[list[str], int]:
    """The options as texts, and the place of the right one."""
    if isinstance(options, str):
        options = json.loads(options) if options.startswith("[") else options.split("\n")
    if not isinstance(options, list) or not len(options) >= 2:
        raise Stop(f"{where}: the options are no list of two or more: {str(options)[:80]!r}")
    for name in COLUMNS["right"]:
        told = row.get(name)
        if told is None:
            continue
        if isinstance(told, int) or (str(told).isdigit() and told not in options):
            place = int(told)
        elif str(told) in LETTERS[: len(options)]:
            place = LETTERS.index(str(told))
        elif told in options:
            place = options.index(told)
        else:
            raise Stop(f"{where}: the answer {told!r} is no letter, number or text of its options")
        if not 0 <= place < len(options):
            raise Stop(f"{where}: the answer {told!r} is outside its {len(options)} options")
        return options, place
    raise Stop(f"{where} has options and no answer: {', '.join(COLUMNS['right'])}")


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
