import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from builders.build import build
from builders.configs import parse_config
from builders.decontaminate import MATCHES, decontaminate
from builders.decontaminate.benchmarks import BENCHMARKS, Item, open_benchmark
from builders.decontaminate.search import Hits, index_items, matches
from builders.errors import BadOption, BadPool, BadSource
from builders.importing import import_source
from builders.pool import Pool, open_pool
from builders.selection import select
from builders.sources.opening import open_source
from tests.hub_server import HubServer
from tests.labelled import score, scores

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

POND = (
    "A circular pond of radius 12 meters is surrounded by a path of constant width. The area of "
    "the path is the same as the area of the pond. What is the width of the path in meters?"
)
SHORT = "What is the smallest prime divisor of $3^{11} + 5^{13}$?"
PROOF = (
    "Both powers are odd, so that their sum is even, and two is the smallest prime that there is, "
    "which is why no other divisor needs to be tried at all."
)


@pytest.fixture
def benchmark(write_jsonl: Write) -> Path:
    rows = [{"problem": POND, "answer": "5"}, {"problem": SHORT, "solution": PROOF}]
    return write_jsonl(rows, "quiz.jsonl")


def pool_of(questions: list[str], folder: Path, write: Write, **more: Any) -> Pool:
    rows = [{"question": q, "reasoning": "So.", "answer": "Yes.", **more} for q in questions]
    import_source(open_source(str(write(rows)), license="mit", teacher="me"), folder)
    return open_pool(folder)


def found(pool: Pool) -> dict[str, list[str]]:
    """Of each question the benchmarks that it repeats."""
    labels = {}
    for shard in pool.shards("questions"):
        names = pq.read_table(pool.sidecar("contamination", shard))["contaminated_by"].to_pylist()
        questions = pq.read_table(shard, columns=["question"])[0].to_pylist()
        labels |= dict(zip(questions, names, strict=True))
    return labels


def test_a_contaminated_question_is_in_no_config(
    nt: Run, tmp_path: Path, write_jsonl: Write, benchmark: Path
) -> None:
    clean = ["Why is the sky blue?", POND.replace("12", "15"), "What is a prime divisor?"]
    taken = ["Solve: " + POND.lower().replace(" ", "  ") + " Explain.", SHORT.replace("$", "")]
    pool = pool_of(clean + taken, tmp_path / "pool", write_jsonl)
    code, output, errors = nt("decontaminate", "--pool", pool.folder, "--against", benchmark)
    assert (code, errors) == (0, "")
    assert "2 of 5 questions repeat an item of a benchmark\n  quiz (quiz.jsonl at " in output
    assert "2 repeat 2 of its 2 items" in output
    assert found(pool) == {**{q: [] for q in clean}, **{q: ["quiz"] for q in taken}}

    lines = (pool.folder / "annotations/contamination" / MATCHES).read_text().splitlines()
    told = {line["question"]: line for line in map(json.loads, lines)}
    assert told[clean[1]]["verdict"] == "other numbers"
    assert told[taken[0]]["verdict"] == "repeats"
    assert told[taken[0]]["share"] == 1
    assert told[taken[0]]["shared"][0].startswith("a  circular  pond")
    assert (told[taken[1]]["item"], told[taken[1]]["benchmark_question"]) == (2, SHORT)

    selection = select(open_pool(pool.folder), [parse_config("random-3")])
    assert (selection.availabilities[0].eligible, selection.excluded) == (3, {"contamination": 2})
    assert (
        "2 traces of 2 questions that repeat a benchmark's item"
        in nt("list", "--pool", pool.folder)[1]
    )
    build(pool.folder, tmp_path / "nt", configs=["random-3"])
    card = (tmp_path / "nt/README.md").read_text()
    assert "Of 5 questions 2 repeat an item of a benchmark" in card
    assert "Nobody searched the questions for those of benchmarks" not in card
    assert nt("verify", tmp_path / "nt")[0] == 0


def test_a_person_judges(nt: Run, tmp_path: Path, write_jsonl: Write, benchmark: Path) -> None:
    pool = pool_of([POND], tmp_path / "pool", write_jsonl)
    decontaminate(pool.folder, [str(benchmark)])
    labels = write_jsonl([{"question": POND, "contaminated_by": []}], "judged.jsonl")
    assert nt("annotate", "contamination", "--pool", pool.folder, "--from", labels)[0] == 0
    assert found(pool) == {POND: []}


def test_answers_are_searched_too(tmp_path: Path, write_jsonl: Write, benchmark: Path) -> None:
    pool = pool_of(["Is it 2?"], tmp_path / "pool", write_jsonl, reference_answer=PROOF + " Done.")
    decontaminate(pool.folder, [f"mine={benchmark}"])
    assert found(pool) == {"Is it 2?": ["mine"]}


def test_boilerplate_shows_nothing(tmp_path: Path, write_jsonl: Write) -> None:
    """What many questions share is no leak, though it is more than half of an item."""
    frame = (
        "Read the text with care and answer the question that follows it by choosing the best of "
        "the options that are given below it: who wrote {}?"
    )
    pool = pool_of([frame.format(f"book{n}x") for n in range(30)], tmp_path / "a", write_jsonl)
    file = write_jsonl(
        [
            {
                "question": frame.format("Faust")
                + " Give a name, and also the year and the town in which it was written."
            }
        ],
        "quiz.jsonl",
    )
    assert decontaminate(pool.folder, [str(file)]).contaminated == 0
    few = pool_of([frame.format("book1x"), "Why?"], tmp_path / "b", write_jsonl)
    assert decontaminate(few.folder, [str(file)]).contaminated == 1  # nobody could know
    whole = [
        frame.format("Faust")
        + f" Give a name, and also the year and the town in which it was written. {n}!"
        for n in range(30)
    ]
    leaked = pool_of(whole, tmp_path / "c", write_jsonl)
    assert decontaminate(leaked.folder, [str(file)]).contaminated == 30


def test_benchmarks_of_many_millions_of_runs() -> None:
    """MMLU-Pro and SuperGPQA together have as many."""
    runs = 2**23 + 1
    index = index_items([Item(POND)])
    wide = index._replace(
        items_of_run=np.ones(runs, np.int8),
        offsets=np.r_[np.zeros(runs, np.int8), 1].astype(np.int64),
    )
    hit = Hits(*(np.array([number]) for number in (runs - 1, 5, 0, 13)))
    assert [one.text for one in matches(wide, hit)] == [5]


def test_a_short_item_may_have_leaked_into_many_questions(
    tmp_path: Path, write_jsonl: Write
) -> None:
    short = "Evaluate $\\log_2 (64)$ without a calculator, please show it."
    file = write_jsonl([{"question": short}, {"question": "Find x."}], "quiz.jsonl")
    questions = [f"Task {letter}. {short}" for letter in "abcdefghijkl"]
    questions += [f"Find x, {letter}!" for letter in "abcdefghijkl"]  # boilerplate
    pool = pool_of(questions, tmp_path / "pool", write_jsonl)
    decontaminate(pool.folder, [str(file)])
    assert [question for question, names in found(pool).items() if names] == questions[:12]


def test_shards_do_not_count(tmp_path: Path, write_jsonl: Write, benchmark: Path) -> None:
    texts = [f"{POND} Say it {n} times." for n in range(4)] + ["Why?", "How?", SHORT]
    rows = [{"question": text, "reasoning": "So.", "answer": "Yes."} for text in texts]
    reports = []
    for number, rows_each in enumerate((2, 100)):
        folder = tmp_path / str(number)
        import_source(open_source(str(write_jsonl(rows))), folder, shard_rows=rows_each)
        reports.append(decontaminate(folder, [str(benchmark)]))
    assert reports[0] == reports[1]
    assert reports[0].contaminated == 5


@pytest.mark.parametrize(
    ("columns", "item"),
    [
        ({"problem": "Q?", "solution": "S.", "answer": "A"}, Item("Q?", (), ("A", "S."))),
        (
            {"question": "Q?", "options": ["x", "y"], "answer": "B"},
            Item("Q?", ("x", "y"), ("B",)),
        ),
        (
            {"Question": "Q?", "Correct Answer": "x", "Incorrect Answer 1": "y"},
            Item("Q?", ("x", "y"), ("x",)),
        ),
        ({"question": "Q?", "choices": {"text": ["x"], "label": ["A"]}}, Item("Q?", ("x",))),
        ({"question": "Q?", "options": '["x", "y"]'}, Item("Q?", ("x", "y"))),
        ({"prompt": 7}, Item("7")),
    ],
)
def test_columns_are_recognised(columns: Any, item: Item, write_jsonl: Write) -> None:
    assert open_benchmark(str(write_jsonl([columns]))).items == [item]


def test_a_benchmark_from_the_hub(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "test.jsonl").write_text(json.dumps({"problem": SHORT, "answer": "2"}) + "\n")
    program = (
        "import json; from builders.decontaminate.benchmarks import open_benchmark; "
        "read = open_benchmark('math_500'); print(json.dumps([read.items, read.revision]))"
    )
    with HubServer(BENCHMARKS["math_500"].repo, folder, {"license": "mit"}) as server:
        online = {
            "HF_ENDPOINT": server.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(tmp_path / "home"),
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | online,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    items, revision = json.loads(done.stdout)
    assert items == [[SHORT, [], ["2"]]]
    assert len(revision) == 40


def test_what_cannot_be_searched(tmp_path: Path, write_jsonl: Write, benchmark: Path) -> None:
    pool = pool_of(["Why?"], tmp_path / "pool", write_jsonl)
    wrong = write_jsonl([{"text": "x", "label": 1}], "wrong.jsonl")
    empty = write_jsonl([{"question": None}], "empty.jsonl")
    cases: list[tuple[list[str], type[Exception], str]] = [
        ([], BadOption, "name a benchmark"),
        (["math500"], BadOption, "is no file, and no benchmark; there are: gpqa_diamond"),
        ([str(wrong)], BadSource, r"row 1: no column is called .*; there are: text, label"),
        ([str(empty)], BadSource, "every question is empty"),
        ([str(benchmark)] * 2, BadOption, "'quiz' is named twice; give one of them NAME=FILE"),
        (["math_500"], BadSource, r"HF_HUB_OFFLINE .*a file that stands in: --against math_500="),
    ]
    for against, error, words in cases:
        with pytest.raises(error, match=words):
            decontaminate(pool.folder, against)
    assert "contamination" not in open_pool(pool.folder).annotations()
    for shard in pool.shards("questions"):
        shard.unlink()
    with pytest.raises(BadPool, match="has no questions"):
        decontaminate(pool.folder, [str(benchmark)])


def test_precision_and_recall_on_the_labelled_sets() -> None:
    """Floors a little below what was measured; see docs/duplicates-and-contamination.md."""
    own, frozen = scores("contamination")["all"], scores("contamination_frozen")["all"]
    assert own.precision >= 0.95 and own.recall >= 0.95
    assert frozen.precision >= 0.85 and frozen.recall >= 0.9
    assert score([(True, False, "a"), (False, True, "b")])[:3] == (0, 1, 1)  # it can fail
