import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset
from model_server import Answer, ModelServer, Request, teach

from builders.pool import open_pool

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

TEACHER = "synthetic/teacher"


@pytest.fixture
def questions(nt: Run, tmp_path: Path, write_jsonl: Write) -> Path:
    """A pool of 30 questions that wait for a teacher."""
    rows = [{"question": f"What is {n} + 1?", "reference_answer": str(n + 1)} for n in range(30)]
    pool = tmp_path / "pool"
    code, _, errors = nt("import", write_jsonl(rows), "--pool", pool, "--license", "mit")
    assert code == 0, errors
    return pool


def test_questions_become_traces(nt: Run, questions: Path) -> None:
    with ModelServer() as server:
        command = ["generate", "--pool", questions, "--teacher", TEACHER, "--base-url", server.url]
        code, output, errors = nt(*command)
        assert (code, errors) == (0, "")
        assert "asked 30 of 30 that were missing: finished" in output
        assert "30 traces added" in output
        assert len(server.requests) == 30

        traces = load_dataset(str(questions), "traces", split="train")
        assert len(traces) == 30
        assert traces[0]["teacher"] == TEACHER
        assert traces[0]["reasoning"] == "I am asked: What is 0 + 1? So I think."
        assert traces[0]["answer"] == "The answer to What is 0 + 1?"
        assert traces[0]["finish_reason"] == "stop"
        assert traces[0]["license"] == "mit"
        assert traces["question"][:] == [f"What is {n} + 1?" for n in range(30)]

        before = {path: path.read_bytes() for path in questions.rglob("*.parquet")}
        code, output, _ = nt(*command)
        assert code == 0
        assert "asked 0 of 0" in output
        assert len(server.requests) == 30
    assert {path: path.read_bytes() for path in questions.rglob("*.parquet")} == before


def test_what_is_sent(nt: Run, questions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_mine")
    with ModelServer() as server:
        nt("generate", "--pool", questions, "--teacher", TEACHER, "--base-url", server.url,
           "--max-tokens", 77, "--temperature", 0.5, "--top-p", 0.9, "--seed", 5)  # fmt: skip
        request = server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert "authorization" not in request.headers
    assert "hf_secret_of_mine" not in json.dumps(request.headers)
    assert request.body["model"] == TEACHER
    assert request.body["max_tokens"] == 77
    assert (request.body["temperature"], request.body["top_p"]) == (0.5, 0.9)
    assert len({request.body["seed"] for request in server.requests}) == 30
    assert all(0 <= request.body["seed"] < 2**31 for request in server.requests)


def test_only_what_lacks_a_trace_of_this_teacher_is_asked(
    nt: Run, questions: Path, write_jsonl: Write
) -> None:
    traces = [
        {"question": "What is 3 + 1?", "reasoning": "a", "answer": "4", "teacher": TEACHER},
        {"question": "What is 4 + 1?", "reasoning": "a", "answer": "5", "teacher": "another"},
        {"question": "A new one?", "reasoning": "a", "answer": "5", "teacher": TEACHER},
    ]
    nt("import", write_jsonl(traces, "more.jsonl"), "--pool", questions)
    with ModelServer() as server:
        nt("generate", "--pool", questions, "--teacher", TEACHER, "--base-url", server.url)
        asked = {request.question for request in server.requests}
    assert asked == {f"What is {n} + 1?" for n in range(30) if n != 3}
    assert open_pool(questions).num_rows("traces") == 3 + 29


def test_samples(nt: Run, questions: Path) -> None:
    def script(request: Any) -> Any:
        answer = teach(request)
        return answer._replace(body=answer.body.replace(b"So I", b"So %d I" % request.number))

    with ModelServer(script) as server:
        command = ["generate", "--pool", questions, "--teacher", TEACHER, "--base-url", server.url]
        nt(*command, "--samples", 2)
        assert len(server.requests) == 60
        nt(*command, "--samples", 3)
        assert len(server.requests) == 90
    assert open_pool(questions).num_rows("traces") == 90


def test_a_sample_that_fails_leaves_its_siblings(nt: Run, questions: Path) -> None:
    asked: Counter[str] = Counter()

    def script(request: Request) -> Answer:
        asked[request.question] += 1
        if asked[request.question] == 2:
            return Answer(b"no", status=400)
        answer = teach(request)
        return answer._replace(body=answer.body.replace(b"So I", b"So %d I" % request.number))

    with ModelServer(script) as server:
        command = ["generate", "--pool", questions, "--teacher", TEACHER, "--base-url", server.url]
        code, output, errors = nt(*command, "--samples", 3, "--concurrency", 1)
        assert code == 0, errors
    assert "failed 30: refused" in output
    assert open_pool(questions).num_rows("traces") == 60


def test_the_ledger_is_on_both_cards(nt: Run, questions: Path, tmp_path: Path) -> None:
    with ModelServer() as server:
        command = ["generate", "--pool", questions, "--teacher", TEACHER, "--base-url", server.url]
        _, output, _ = nt(*command, "--price-in", 1000, "--price-out", 2000)
    assert "US dollars in all: 1.44 for 30 rows, 0.048 each" in output
    (entry,) = open_pool(questions).manifest["ledger"]
    assert (entry["tokens_in"], entry["tokens_out"], entry["requests"]) == (300, 570, 30)
    assert entry["asked"][0]["sampling"]["temperature"] == 0.6
    assert (
        nt("build", "--pool", questions, "--out", tmp_path / "nt", "--config", "random-10")[0] == 0
    )
    manifest = json.loads((tmp_path / "nt" / "manifest.json").read_text())
    assert manifest["pool"]["ledger"] == [entry]
    for card in (questions / "README.md", tmp_path / "nt" / "README.md"):
        assert "| generate | synthetic/teacher | 30 | 30 |  | 300 | 570 | 1.44 | 0.048 |" in (
            card.read_text()
        )
    assert nt("verify", tmp_path / "nt")[0] == 0
