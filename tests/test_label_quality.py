"""A second judge and a golden set on a synthetic pool, whose truth is known, with known noise."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import noisy_judge
import pytest
from judge_server import judging, texts
from model_server import Answer, ModelServer, Request, as_json, chat
from noisy_judge import forms, judge, named, said
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score, f1_score

from builders.endpoints import asking, pace
from builders.endpoints.running import Endpoint
from builders.errors import BadOption, BadSource
from builders.golden import read_golden
from builders.importing import import_source
from builders.judges.prepared import Judge
from builders.label_quality import Asking, by_golden, by_second_judge
from builders.ledger import status
from builders.pool import open_pool
from builders.sources.demo import STRATEGIES, DemoRow, generate
from builders.sources.opening import open_demo

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

ROWS = list(generate(300))
SECOND = "synthetic/second-judge"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_BACK_OFF", 0.02)
    monkeypatch.setattr(asking, "_LOOK", 0.05)
    monkeypatch.setattr(pace, "_PAUSE", 0.02)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "pool"
    import_source(open_demo(len(ROWS), seed=0), folder)
    return folder


@pytest.fixture
def pool(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "pool")
    return tmp_path / "pool"


def ask(pool: Path, name: str, script: Any, **more: Any) -> tuple[dict[str, Any], int]:
    """Ask a second judge: what was found, and how many requests that took."""
    with ModelServer(script) as server:
        how = Asking(Endpoint({server.url: None}))
        report = by_second_judge(pool, name, Judge(SECOND), how, **more)
        assert report.how == "finished"
        assert report.found
        return report.found, len(server.requests)


def figures(found: dict[str, Any]) -> dict[str, Any]:
    return {one["measure"]: one for one in found["figures"] if "of" not in one}


def with_form() -> list[DemoRow]:
    return [row for row in ROWS if forms(row)[1]]


def test_domains_with_30_percent_noise_have_a_kappa_of_about_070(pool: Path) -> None:
    says = noisy_judge.domain(0.3)
    found, requests = ask(pool, "domain", judge(says, ROWS), sample=300)
    rows = with_form()
    noisy = [said(says, row)["domain"] for row in rows]
    expected = cohen_kappa_score([row.domain for row in rows], noisy)
    kappa = figures(found)["Cohen's kappa"]
    assert kappa["value"] == pytest.approx(expected, abs=1e-6)
    assert kappa["low"] < 0.7 < kappa["high"]
    assert (found["sample"], found["compared"]) == (300, len(rows))
    at_once = sum(forms(row)[0] for row in ROWS)
    assert found["not_valid_at_once"] == 300 - at_once > 20
    assert found["not_valid"] == 300 - len(rows) > 1
    assert found["replies"] == 300
    assert requests == 300 + (300 - at_once)
    assert (found["labels_of"], found["against"]) == ([], "second judge")


def test_strategies_that_are_missed_added_and_invented(pool: Path) -> None:
    says = noisy_judge.strategies(missed=0.2, added=0.05, invented=0.1)
    found, _ = ask(pool, "strategies", judge(says, ROWS))
    rows = with_form()
    truth = [row.strategies for row in rows]
    noisy = [named(says, row) for row in rows]
    f1 = {one["of"]: one for one in found["figures"] if one["measure"] == "F1" and "of" in one}
    for name in STRATEGIES:
        columns = [[name in labels for labels in column] for column in (truth, noisy)]
        assert f1[name]["value"] == pytest.approx(f1_score(*columns), abs=1e-6)
    # What the noise implies: a strategy is shown with 0.8 x 0.9, or is added with 0.05 x 0.9.
    shares = [sum(name in labels for labels in truth) / len(truth) for name in STRATEGIES]
    implied = [2 * 0.72 * s / (0.72 * s + 0.045 * (1 - s) + s) for s in shares]
    mean = figures(found)["F1, mean over strategies"]
    assert mean["value"] == pytest.approx(sum(implied) / len(implied), abs=0.03)
    assert mean["low"] < sum(implied) / len(implied) < mean["high"]
    quotes = sum(len(said(says, row)["strategies"]) for row in rows)
    assert found["quotes"] == quotes
    assert found["quotes_not_found"] / quotes == pytest.approx(0.1, abs=0.03)


def test_verbosity_that_is_off_by_two_at_most(pool: Path) -> None:
    says = noisy_judge.verbosity(2)
    found, _ = ask(pool, "verbosity", judge(says, ROWS, breaks_form=False))
    noisy = [said(says, row)["verbosity"] for row in ROWS]
    expected = spearmanr([row.verbosity for row in ROWS], noisy).statistic
    assert figures(found)["rank correlation"]["value"] == pytest.approx(expected, abs=1e-6)
    assert (found["not_valid_at_once"], found["not_valid"]) == (0, 0)


def test_a_sample_is_asked_once_and_a_larger_one_holds_it(pool: Path) -> None:
    script = judge(noisy_judge.verbosity(1), ROWS, breaks_form=False)
    first, requests = ask(pool, "verbosity", script, sample=40)
    assert (first["sample"], first["compared"], requests) == (40, 40, 40)
    again, requests = ask(pool, "verbosity", script, sample=40)
    assert (again, requests) == (first, 0)
    larger, requests = ask(pool, "verbosity", script, sample=100)
    assert (larger["compared"], requests) == (100, 60)


def test_no_label_is_written_and_manifest_and_card_say_what_was_found(pool: Path) -> None:
    before = {path: path.read_bytes() for path in (pool / "annotations").rglob("*.parquet")}
    found, _ = ask(pool, "verbosity", judge(noisy_judge.verbosity(1), ROWS), sample=50)
    assert before == {path: path.read_bytes() for path in (pool / "annotations").rglob("*.parquet")}
    manifest = open_pool(pool).manifest
    assert manifest["label_quality"] == [found]
    (entry,) = manifest["ledger"]
    assert (entry["task"], entry["model"]) == ("annotate-verbosity", SECOND)
    ask(pool, "domain", judge(noisy_judge.domain(0.1), ROWS), sample=50)
    ask(pool, "verbosity", judge(noisy_judge.verbosity(1), ROWS), sample=60)
    kept = open_pool(pool).manifest["label_quality"]
    assert [(one["annotation"], one["sample"]) for one in kept] == [
        ("domain", 50),
        ("verbosity", 60),
    ]


def test_without_labels_there_is_nothing_to_compare(
    nt: Run, tmp_path: Path, write_jsonl: Write
) -> None:
    rows = [{"question": f"{n}?", "reasoning": "Hm.", "answer": "1"} for n in range(20)]
    assert nt("import", write_jsonl(rows), "--pool", tmp_path / "bare", "--quiet")[0] == 0
    with pytest.raises(BadOption, match=r"0 rows have 'verbosity'.*nt annotate verbosity"):
        by_second_judge(tmp_path / "bare", "verbosity", Judge(SECOND), Asking(None))


def golden_of(rows: list[DemoRow], path: Path) -> Path:
    import yaml

    traces = [
        {
            "question": row.question,
            "reasoning": row.reasoning,
            "answer": row.answer,
            "reference_answer": row.reference_answer,
            "second_answer": row.second_answer,
            "domain": row.domain,
            "strategies": list(row.strategies),
            "verbosity": row.verbosity,
            "disagreement": row.disagreement,
            "correct": row.answer == f"The answer is {row.reference_answer}.",
        }
        for row in rows
    ]
    path.write_text(yaml.safe_dump({"about": "synthetic, for this test", "traces": traces}))
    return path


def test_a_golden_set_scores_a_judge(pool: Path, tmp_path: Path) -> None:
    says = noisy_judge.strategies(missed=0.3, added=0.0, invented=0.0)
    golden = golden_of(ROWS[:80], tmp_path / "golden.yaml")
    with ModelServer(judge(says, ROWS, breaks_form=False)) as server:
        how = Asking(Endpoint({server.url: None}))
        report = by_golden(pool, "strategies", Judge("synthetic/judge"), golden, how)
        found = report.found
        assert found
        assert len(server.requests) == 80
        again = by_golden(pool, "strategies", Judge("synthetic/judge"), golden, how)
        assert again.found == found
        assert len(server.requests) == 80
    recall = [one["value"] for one in found["figures"] if one["measure"] == "recall"]
    precision = {one["value"] for one in found["figures"] if one["measure"] == "precision"}
    assert sum(recall) / len(recall) == pytest.approx(0.7, abs=0.08)
    assert precision <= {1.0}
    assert found["golden"]["file"] == "golden.yaml"
    assert found["golden"]["about"] == "synthetic, for this test"
    assert open_pool(pool).manifest["label_quality"] == [found]
    (entry,) = open_pool(pool).manifest["ledger"]
    assert entry["task"] == f"annotate-strategies of golden set {found['golden']['sha256'][:8]}"
    assert (entry["model"], entry["requests"]) == ("synthetic/judge", 80)
    assert entry["tokens_in"] > 0
    (one,) = status(pool)
    assert (one["task"], one["run"]["state"]) == (entry["task"], "finished")
    assert open_pool(pool).num_rows("traces") == 300  # the golden traces are not the pool's


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("traces: [", "not YAML"),
        ("rows: []", "has no list 'traces'"),
        ("traces: []", "there are no traces"),
        ("traces: [{question: a, answer: b}]", "trace 1: reasoning None is no text"),
        ("traces: [{question: ' ', reasoning: r, answer: b}]", "trace 1: question ' ' is no text"),
        (
            r'traces: [{question: "a\ud800", reasoning: r, answer: b}]',
            "trace 1: question contains half of a surrogate pair",
        ),
        (r'{about: "\ud800", traces: []}', "about contains half of a surrogate pair"),
        (
            "traces: [{question: a, reasoning: r, answer: b, domain: Cooking}]",
            "trace 1: domain 'Cooking' is none of",
        ),
        (
            "traces: [{question: a, reasoning: r, answer: b, strategies: {recall: not there}}]",
            "the quote for recall does not occur",
        ),
        (
            "traces: [{question: a, reasoning: r, answer: b, correct: true}]",
            "correctness needs a reference_answer",
        ),
        (
            "traces: [{question: a, reasoning: r, answer: b}, "
            "{question: a, reasoning: s, answer: b}]",
            "trace 2: asks the question of trace 1",
        ),
    ],
)
def test_a_golden_set_that_is_wrong_is_refused(tmp_path: Path, text: str, error: str) -> None:
    path = tmp_path / "golden.yaml"
    path.write_text(text)
    with pytest.raises(BadSource, match=error):
        read_golden(path)


def test_the_command_says_it_and_both_cards_show_it(nt: Run, pool: Path, tmp_path: Path) -> None:
    says = noisy_judge.strategies(missed=0.2, added=0.05, invented=0.1)
    command = ["annotate", "strategies", "--pool", pool]
    with ModelServer(judge(says, ROWS)) as server:
        where = ["--base-url", server.url]
        code, output, errors = nt(*command, "--second-judge", "x|y<b>", "--sample", 60, *where)
        assert (code, errors) == (0, "")
        assert "by those who brought the labels and by x|y<b>, " in output
        assert "F1, mean over strategies: 0." in output
        assert "quotes that occur nowhere: " in output
        golden = golden_of(ROWS[:60], tmp_path / "golden.yaml")
        code, output, errors = nt(*command, "--judge", "m", "--golden", golden, *where)
        assert (code, errors) == (0, "")
        assert "'strategies' by m and by golden.yaml, " in output
        assert "; precision " in output
    card = (pool / "README.md").read_text()
    assert "## How good its labels are" in card
    assert r"second judge x\|y&lt;b&gt;" in card
    assert "The golden set golden.yaml says of itself: synthetic, for this test" in card
    code, _, errors = nt("build", "--pool", pool, "--out", tmp_path / "nt", "--config", "random-50")
    assert (code, errors) == (0, "")
    card = (tmp_path / "nt" / "README.md").read_text()
    assert "How good labels are, as far as it was measured:" in card
    assert "F1, mean over strategies 0." in card


def test_the_labels_of_a_judge_are_held_against_another_one(
    nt: Run, tmp_path: Path, write_jsonl: Write
) -> None:
    """Both err on their own, so they agree less than either does with the truth."""
    rows = ROWS[:60]
    traces = [{"question": r.question, "reasoning": r.reasoning, "answer": r.answer} for r in rows]
    pool = tmp_path / "judged"
    assert nt("import", write_jsonl(traces), "--pool", pool, "--quiet")[0] == 0
    says = noisy_judge.domain(0.4)
    command = ["annotate", "domain", "--pool", pool, "--base-url"]
    with ModelServer(judge(says, rows, name="one", breaks_form=False)) as server:
        code, _, errors = nt(*command, server.url, "--judge", "one")
        assert (code, errors) == (0, "")
        code, _, errors = nt(*command, server.url, "--second-judge", "one")
        assert (code, errors.count("\n")) == (2, 1)
        assert "the labels of 'domain' are its own" in errors
    with ModelServer(judge(says, rows, name="two", breaks_form=False)) as server:
        code, output, errors = nt(*command, server.url, "--second-judge", "two", "--json")
        assert (code, errors) == (0, "")
    found = json.loads(output)["found"]
    assert found["labels_of"] == ["one"]
    columns = [[said(says, row, name)["domain"] for row in rows] for name in ("one", "two")]
    kappa = figures(found)["Cohen's kappa"]["value"]
    assert kappa == pytest.approx(cohen_kappa_score(*columns), abs=1e-6)
    assert kappa < cohen_kappa_score(columns[0], [row.domain for row in rows])


def test_a_judge_of_some_of_the_labels_is_no_second_one(
    nt: Run, tmp_path: Path, write_jsonl: Write
) -> None:
    rows = ROWS[:30]
    traces = [{"question": r.question, "reasoning": r.reasoning, "answer": r.answer} for r in rows]
    pool = tmp_path / "judged"
    assert nt("import", write_jsonl(traces), "--pool", pool, "--quiet")[0] == 0
    too_hard = {row.question for row in rows[:5]}

    def script(request: Request) -> Answer:
        (question,) = texts(request)
        if request.body["model"] == "one" and question in too_hard:
            return as_json(chat(None, "Hm."))
        return as_json(chat(None, '{"domain": "Law", "topic": "law"}'))

    command = ["annotate", "domain", "--pool", pool, "--base-url"]
    with ModelServer(script) as server:
        for name, made in (("one", 25), ("two", 5)):
            _, output, _ = nt(*command, server.url, "--judge", name)
            assert f"{made} by this judge" in output
        for name in ("one", "two"):
            code, _, errors = nt(*command, server.url, "--second-judge", name)
            assert code == 2
            assert "some of the labels of 'domain' are its own" in errors
        assert nt(*command, server.url, "--second-judge", "three")[0] == 0
    (found,) = open_pool(pool).manifest["label_quality"]
    assert found["labels_of"] == ["one", "two"]


def test_labels_that_a_file_replaced_are_no_longer_a_judges(
    nt: Run, tmp_path: Path, write_jsonl: Write
) -> None:
    """As long as some of them may be its own, it is not asked about them as a second one."""
    rows = ROWS[:30]
    traces = [{"question": r.question, "reasoning": r.reasoning, "answer": r.answer} for r in rows]
    mine = [{"question": row.question, "domain": "Law"} for row in rows]
    pool = tmp_path / "judged"
    assert nt("import", write_jsonl(traces), "--pool", pool, "--quiet")[0] == 0
    command = ["annotate", "domain", "--pool", pool]
    truth = {row.question: {"domain": row.domain, "topic": row.topic} for row in rows}
    with ModelServer(judging(lambda question: truth[question])) as server:
        where = ["--base-url", server.url]
        assert nt(*command, *where, "--judge", "one")[0] == 0
        assert nt(*command, *where, "--second-judge", "two")[0] == 0
        assert nt(*command, "--from", write_jsonl(mine[:10], "some.jsonl"))[0] == 0
        manifest = open_pool(pool).manifest
        assert [(one["judge"], one["by_this_judge"]) for one in manifest["judges"]] == [("one", 20)]
        assert manifest["label_quality"] == []  # was about labels that are gone
        assert nt(*command, *where, "--second-judge", "one")[0] == 2
        assert nt(*command, "--from", write_jsonl(mine, "all.jsonl"))[0] == 0
        manifest = open_pool(pool).manifest
        assert manifest["judges"] == []
        assert nt(*command, *where, "--second-judge", "one")[0] == 0
    (found,) = open_pool(pool).manifest["label_quality"]
    assert (found["judge"], found["labels_of"]) == ("one", [])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--judge", "m", "--second-judge", "n"], "--second-judge: the labels come first"),
        (["--golden", "x.yaml", "--second-judge", "n"], "hold labels against one at a time"),
        (["--judge", "m", "--sample", "5"], "--sample: is of the rows that a --second-judge"),
        (["--golden", "x.yaml", "--base-url", "http://127.0.0.1:9"], "--judge MODEL"),
        (["--second-judge", "n"], "--base-url is missing"),
        (["--second-judge", "n", "--sample", "0", "--no-ask"], "--sample 0: must be at least 1"),
    ],
)
def test_words_that_contradict_each_other(
    nt: Run, made: Path, words: list[str], error: str
) -> None:
    code, output, errors = nt("annotate", "verbosity", "--pool", made, *words)
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    assert error in errors
