"""Faults of servers, one by one: who pays for them, and what the run makes of them."""

import contextlib
import json
import os
import sqlite3
import time
import zlib
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from model_server import (
    Answer,
    ModelServer,
    Request,
    Script,
    as_json,
    as_stream,
    chat,
    teach,
    thoughtful,
)

from builders.endpoints import DONE, FAILURES, asking, pace
from builders.endpoints.client import retry_after
from builders.endpoints.store import Store, store_path
from builders.generating import TASK
from builders.pool import open_pool

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

TEACHER = "synthetic/teacher"
KEY = "sk-of-this-server-0123456789"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_BACK_OFF", 0.02)
    monkeypatch.setattr(asking, "_LOOK", 0.05)
    monkeypatch.setattr(pace, "_PAUSE", 0.02)


@pytest.fixture
def generate(nt: Run, tmp_path: Path, write_jsonl: Write) -> Callable[..., Any]:
    """Ask about 40 questions; returns the exit code, the words, and the outcomes in the store."""
    rows = [{"question": f"What is {n} + 1?"} for n in range(40)]
    nt("import", write_jsonl(rows), "--pool", tmp_path / "pool")

    def run(*servers: ModelServer, **options: Any) -> tuple[int, str, dict[str, int]]:
        words: list[object] = ["generate", "--pool", tmp_path / "pool", "--teacher", TEACHER]
        for server in servers:
            words += ["--base-url", server.url]
        for name, value in options.items():
            words.append(f"--{name.replace('_', '-')}")
            words += [] if value is True else [value]
        code, output, errors = nt(*words)
        store = Store(store_path(tmp_path / "pool", TASK, TEACHER))
        outcomes = store.outcomes()
        store.close()
        return code, output + errors, outcomes

    return run


def first_times(fault: Answer | Callable[[Request], Answer], times: int = 1) -> Script:
    """Each question meets the fault so many times before it is answered."""
    met: dict[str, int] = {}

    def script(request: Request) -> Answer:
        met[request.question] = met.get(request.question, 0) + 1
        if met[request.question] <= times:
            return fault(request) if callable(fault) else fault
        return teach(request)

    return script


HTML = Answer(b"<html><body>Bad gateway</body></html>", kind="text/html")
JOB_FAULTS = {
    "server_error": Answer(b'{"error": "CUDA out of memory"}', status=500),
    "timed_out": Answer(hang=True),
    "cut_off": lambda request: teach(request)._replace(cut=40),
    "broken_reply": Answer(b'{"choices": [{"mess'),
    "empty_reply": as_json(chat(None, "")),
}
OTHER_FAULTS = {
    "an HTML page": HTML,
    "another schema": as_json({"result": "4"}),
    "an empty body": Answer(),
    "no answer at all": Answer(cut=0),
    "a slow drip": lambda request: teach(request)._replace(drip=0.05),
    "an aborted reply": as_json(chat("a", "b", finish="abort")),
    "a stream that breaks": lambda request: as_stream(thoughtful(request), cut=90),
    "a stream that ends early": lambda request: as_stream(thoughtful(request), done=False),
}


@pytest.mark.parametrize("fault", [*JOB_FAULTS, *OTHER_FAULTS])
def test_a_fault_is_met_with_another_try(generate: Any, fault: str) -> None:
    script = first_times({**JOB_FAULTS, **OTHER_FAULTS}[fault], times=1)
    with ModelServer(script) as server:
        options: dict[str, Any] = {"stream": True} if "stream" in fault else {}
        if fault in ("timed_out", "a slow drip"):
            options["timeout"] = 0.3
        code, words, outcomes = generate(server, concurrency=20, **options)
        assert (code, outcomes) == (0, {DONE: 40}), words
        assert len(server.requests) == 80


def test_silence_ends_a_request(generate: Any) -> None:
    with ModelServer(first_times(Answer(hang=True))) as server:
        code, words, outcomes = generate(server, concurrency=20, read_timeout=0.3)
    assert (code, outcomes) == (0, {DONE: 40}), words
    assert len(server.requests) == 80


def test_a_reply_that_comes_slowly_is_not_silence(generate: Any) -> None:
    with ModelServer(lambda request: teach(request)._replace(drip=0.004)) as server:
        code, words, outcomes = generate(server, concurrency=40, read_timeout=0.5)
    assert (code, outcomes) == (0, {DONE: 40}), words
    assert len(server.requests) == 40


@pytest.mark.parametrize("fault", JOB_FAULTS)
def test_a_fault_that_stays_is_a_reason_for_one_and_nothing_for_the_others(
    generate: Any, fault: str
) -> None:
    def script(request: Request) -> Answer:
        if "7 + 1" not in request.question:
            return teach(request)
        answer = JOB_FAULTS[fault]
        return answer(request) if callable(answer) else answer

    with ModelServer(script) as server:
        code, words, outcomes = generate(server, timeout=0.5, tries=3)
        assert (code, outcomes) == (0, {DONE: 36, fault: 4}), words
        assert f"failed 4: {fault} ({FAILURES[fault]})" in words
        assert len(server.requests) == 36 + 4 * 3

        server.script = teach
        code, words, outcomes = generate(server)
        assert (code, outcomes) == (0, {DONE: 40})
        assert "asked 4 of 4" in words


@pytest.mark.parametrize("finish", ["stop", "content_filter"])
def test_what_came_is_kept_also_where_it_is_no_reply(
    generate: Any, tmp_path: Path, finish: str
) -> None:
    with ModelServer(lambda request: as_json(chat(None, "", finish=finish))) as server:
        generate(server, tries=1, concurrency=1)
    path = store_path(tmp_path / "pool", TASK, TEACHER)
    with contextlib.closing(sqlite3.connect(path)) as db:
        bodies = [
            json.loads(zlib.decompress(body)) for (body,) in db.execute("SELECT body FROM bodies")
        ]
    assert [body["choices"][0]["finish_reason"] for body in bodies] == [finish] * len(bodies)
    assert len(bodies) >= 20
    with ModelServer() as server:  # it is no trace, and no dropped one
        assert generate(server, again=True)[2] == {DONE: 40}
    assert open_pool(tmp_path / "pool").dropped_by_reason() == {}


@pytest.mark.parametrize("headers", [(), (("Retry-After", "0.1"),)], ids=["bare", "retry-after"])
def test_too_many_requests_use_up_no_tries(generate: Any, headers: Any) -> None:
    """A server that lets through three requests in a tenth of a second, whatever comes."""
    window = [0.0, 0]

    def script(request: Request) -> Answer:
        if time.monotonic() - window[0] > 0.1:
            window[:] = [time.monotonic(), 0]
        window[1] += 1
        return teach(request) if window[1] <= 3 else Answer(status=429, headers=headers)

    with ModelServer(script) as server:
        code, words, outcomes = generate(server, tries=1)
    assert (code, outcomes) == (0, {DONE: 40}), words


def test_retry_after_is_honoured(generate: Any) -> None:
    seen: list[float] = []

    def script(request: Request) -> Answer:
        seen.append(time.monotonic())
        if len(seen) == 1:
            return Answer(status=429, headers=(("Retry-After", "1"),))
        return teach(request)

    with ModelServer(script) as server:
        code, _, outcomes = generate(server, concurrency=1)
    assert (code, outcomes) == (0, {DONE: 40})
    assert seen[1] - seen[0] >= 1.0


def test_words_for_waiting() -> None:
    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after({"retry-after": "0.5"}) == 0.5
    assert 8 < (retry_after({"retry-after": formatdate(time.time() + 10, usegmt=True)}) or 0) <= 10
    assert retry_after({"retry-after": formatdate(time.time() - 10, usegmt=True)}) == 0
    assert retry_after({"ratelimit": '"api";r=0;t=55'}) == 55
    assert retry_after({"ratelimit": '"api";r=3;t=55'}) is None
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "nan"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("body", [b'"slow down"', b'[{"error": {"code": 429}}]', b"null"])
def test_a_status_is_understood_whatever_comes_with_it(
    generate: Any, body: bytes, stream: bool
) -> None:
    """Gemini, for one, sends a list."""
    busy = Answer(body, status=429, headers=(("Retry-After", "0.3"),))
    with ModelServer(lambda request: teach(request) if request.number else busy) as server:
        options: dict[str, Any] = {"stream": True} if stream else {}
        code, words, outcomes = generate(server, tries=1, concurrency=1, **options)
        assert (code, outcomes) == (0, {DONE: 40}), words
        assert "broke off" not in words  # a 429 has cost nothing
        assert server.requests[1].at - server.requests[0].at >= 0.3

        server.script = lambda request: Answer(body, status=401)
        code, words, _ = generate(server, samples=2, **options)
        assert (code, "HTTP 401" in words) == (2, True), words


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails_for_a_while_costs_no_question(generate: Any, status: int) -> None:
    began = time.monotonic()

    def script(request: Request) -> Answer:
        if time.monotonic() - began < 1.5:
            return Answer(b"starting", status=status)
        return teach(request)

    with ModelServer(script) as server:
        code, words, outcomes = generate(server, tries=2)
    assert code == 0, words
    assert outcomes[DONE] >= (40 if status != 500 else 28)
    if status != 500:
        assert outcomes == {DONE: 40}


def test_questions_that_always_fail_do_not_hold_up_the_others(
    generate: Any, tmp_path: Path
) -> None:
    """The last twelve: more errors in a row than a server that is well would give."""

    def script(request: Request) -> Answer:
        number = int(request.question.split()[2])
        return teach(request) if number < 28 else Answer(b"boom", status=500)

    with ModelServer(script) as server:
        code, words, outcomes = generate(server, patience=1)
        assert (code, outcomes) == (0, {DONE: 28, "server_error": 12}), words
        assert open_pool(tmp_path / "pool").num_rows("traces") == 28
        assert generate(server, patience=1)[2] == outcomes
        server.script = teach
        code, words, outcomes = generate(server)
        assert (code, outcomes) == (0, {DONE: 40}), words


def test_a_server_that_is_gone(generate: Any) -> None:
    with ModelServer() as server:
        pass
    code, words, outcomes = generate(server, patience=0.3)
    assert (code, outcomes) == (2, {})
    assert f"no answer for 0.3 s from {server.url} (cannot be reached" in words
    assert "every reply that came is stored, and the same command goes on" in words


def test_a_server_that_comes_back(generate: Any) -> None:
    with ModelServer() as first:
        first.script = lambda request: teach(request) if request.number < 15 else Answer(cut=0)
        code, words, outcomes = generate(first, concurrency=2, tries=2, patience=0.5)
        assert (code, outcomes[DONE]) == (2, 15)
        first.script = teach
        code, words, outcomes = generate(first)
        assert (code, outcomes) == (0, {DONE: 40}), words
        assert "40 traces added" in words


@pytest.mark.parametrize("status", [401, 402, 403, 404, 302])
def test_what_no_question_can_help_ends_the_run(generate: Any, status: int) -> None:
    def script(request: Request) -> Answer:
        headers = (("Location", "http://127.0.0.1:9/elsewhere"),) if status == 302 else ()
        return Answer(b'{"error": "no such thing"}', status=status, headers=headers)

    with ModelServer(script) as server:
        code, words, outcomes = generate(server)
        assert len(server.requests) <= 64
    assert (code, outcomes) == (2, {})
    assert f"HTTP {status}" in words


def test_a_refusal_is_final_until_it_is_asked_again(generate: Any) -> None:
    def script(request: Request) -> Answer:
        if "5 + 1" in request.question:
            return Answer(b'{"error": "longer than the context"}', status=400)
        return teach(request)

    with ModelServer(script) as server:
        code, _, outcomes = generate(server)
        assert (code, outcomes) == (0, {DONE: 36, "refused": 4})
        assert len(server.requests) == 40
        server.script = teach
        assert generate(server)[2] == {DONE: 36, "refused": 4}
        assert generate(server, again=True)[2] == {DONE: 40}
        assert len(server.requests) == 44


def test_a_run_in_which_everything_fails_ends_early(generate: Any) -> None:
    with ModelServer(lambda request: Answer(b"no", status=400)) as server:
        code, words, _ = generate(server, concurrency=4)
        assert len(server.requests) < 40
    assert code == 2
    assert "the last 20 requests failed, in the end with: refused (HTTP 400: no)" in words


def test_a_small_run_in_which_everything_fails_is_no_success(
    nt: Run, tmp_path: Path, write_jsonl: Write
) -> None:
    pool = tmp_path / "small"
    nt(
        "import",
        write_jsonl([{"question": "What is 1 + 1?"}, {"question": "Two?"}]),
        "--pool",
        pool,
    )
    words = ["generate", "--pool", pool, "--teacher", TEACHER, "--base-url"]
    with ModelServer(lambda request: Answer(b"no \x1b[31mred", status=400)) as server:
        code, output, errors = nt(*words, server.url)
        assert (code, "none of 2 requests had a reply" in errors) == (2, True)
        assert "asked 2 of 2 that were missing: all failed" in output
        code, output, _ = nt("status", "--pool", pool)
        assert "the last: HTTP 400: no" in output
        assert "\x1b" not in output
        assert nt(*words, server.url)[0] == 0  # nothing is left to ask


def test_a_server_that_drops_the_thinking_is_noticed(generate: Any) -> None:
    with ModelServer(lambda request: as_json(chat(None, "4"))) as server:
        code, words, _ = generate(server, concurrency=4)
        assert len(server.requests) < 40
    assert code == 2
    assert "the first 20 replies have no reasoning" in words


def test_a_cut_trace_is_kept_counted_and_not_asked_again(generate: Any, tmp_path: Path) -> None:
    def script(request: Request) -> Answer:
        if "5 + 1" in request.question:
            return as_json(chat("I think and think", None, finish="length"))
        return teach(request)

    with ModelServer(script) as server:
        code, words, outcomes = generate(server, max_tokens=100)
        assert (code, outcomes) == (0, {DONE: 36, "cut_by_length": 4})
        assert "36 traces added" in words
        pool = open_pool(tmp_path / "pool")
        assert pool.dropped_by_reason() == {"cut_by_length": 4}
        assert pool.num_rows("traces") == 36
        (entry,) = pool.manifest["ledger"]
        assert (entry["tokens_in"], entry["rows"]) == (400, 36)
        generate(server, max_tokens=100)
        assert len(server.requests) == 40

        server.script = teach
        code, words, outcomes = generate(server, max_tokens=200)  # another request
        assert len(server.requests) == 44
        assert open_pool(tmp_path / "pool").num_rows("traces") == 40


def test_several_servers_share_the_load(generate: Any) -> None:
    slow: Script = lambda request: teach(request)._replace(delay=0.05)  # noqa: E731
    with ModelServer(slow) as one, ModelServer(slow) as two:
        code, _, outcomes = generate(one, two, concurrency=8)
        assert (code, outcomes) == (0, {DONE: 40})
        assert min(len(one.requests), len(two.requests)) >= 15
        assert one.most_at_once + two.most_at_once <= 8


def test_one_of_several_servers_may_be_gone(generate: Any) -> None:
    with ModelServer() as gone:
        pass
    with ModelServer() as here:
        code, _, outcomes = generate(gone, here, tries=1)
    assert (code, outcomes) == (0, {DONE: 40})


def test_a_key_goes_to_its_host_only(
    generate: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEY_OF_ONE", KEY)
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    refuse = Answer(f'{{"error": "wrong key: {KEY}"}}'.encode(), status=400)

    def script(request: Request) -> Answer:
        return refuse if "5 + 1" in request.question else teach(request)

    with ModelServer(script) as one, ModelServer(script) as two:
        two_by_name = two.url.replace("127.0.0.1", "localhost")
        code, words, _ = generate(one, base_url=two_by_name, api_key_env="127.0.0.1=KEY_OF_ONE")
        assert code == 0, words
        assert {r.headers.get("authorization") for r in one.requests} == {f"Bearer {KEY}"}
        assert {r.headers.get("authorization") for r in two.requests} == {None}
        assert generate(one, base_url=two_by_name, api_key_env="KEY_OF_ONE")[0] == 2
        assert generate(one, api_key_env="NOT_SET")[0] == 2
        assert generate(one, api_key_env="elsewhere=KEY_OF_ONE")[0] == 2
        code, words, _ = generate(base_url=f"http://user:{KEY}@127.0.0.1:1")
        assert code == 2
        assert KEY not in words
    for folder, _, files in os.walk(tmp_path):
        for file in files:
            data = Path(folder, file).read_bytes()
            assert KEY.encode() not in data
            assert b"hf_0123456789" not in data
    assert "wrong key: …" in str(_detail(tmp_path / "pool"))


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("padding", [0, 60, 265])
def test_no_part_of_a_key_is_left_where_a_message_is_cut(
    generate: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, padding: int
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    quoting = as_json({"error": "x" * padding + f" {KEY} is wrong"}, status=status)

    def script(request: Request) -> Answer:
        return quoting if "5 + 1" in request.question else teach(request)

    with ModelServer(script) as server:
        _, words, outcomes = generate(server, api_key_env="THE_KEY", tries=1)
    assert outcomes[DONE] == 36, words
    assert KEY[:8] not in words
    for file in (file for file in (tmp_path / "pool").rglob("*") if file.is_file()):
        assert KEY[:8].encode() not in file.read_bytes()


@pytest.mark.parametrize("wrong", [f"{KEY}\nsk-second", f"{KEY} {KEY}", f"{KEY}\u2026"])
def test_a_key_that_no_header_can_hold(
    generate: Any, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("THE_KEY", wrong)
    with ModelServer() as server:
        code, words, _ = generate(server, api_key_env="THE_KEY")
        assert (code, server.requests) == (2, [])
    assert "the environment variable 'THE_KEY' is no key" in words
    assert "sk-" not in words


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999", "http://a:b", "a:80"])
def test_what_is_no_address(generate: Any, url: str) -> None:
    code, words, _ = generate(base_url=url)
    assert (code, words.startswith("nt: --base-url")) == (2, True)


def _detail(pool: Path) -> str | None:
    store = Store(store_path(pool, TASK, TEACHER))
    found = store.last_detail("refused")
    store.close()
    return found
