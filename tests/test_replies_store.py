"""Stored is stored: torn files, full disks, kills, and runs that others watch, stop or pay for."""

import asyncio
import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_server import Answer, ModelServer, Request, as_json, chat, teach, thoughtful

from builders.endpoints import DONE, Asked, Sampling, asking, pace, saving
from builders.endpoints.budget import Budget, Prices, Spent, most_of
from builders.endpoints.saving import Outcome, Signs, Writer
from builders.endpoints.store import Store, store_path
from builders.errors import BadPool, DiskFull
from builders.generating import TASK
from builders.ledger import status
from builders.pool import open_pool

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

TEACHER = "synthetic/teacher"
ASKED = Asked(TASK, TEACHER, None, "plain-1", "0", Sampling())


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_BACK_OFF", 0.02)
    monkeypatch.setattr(asking, "_LOOK", 0.05)
    monkeypatch.setattr(pace, "_PAUSE", 0.02)
    monkeypatch.setattr(saving, "_BEAT", 0.05)


@pytest.fixture
def questions(nt: Run, tmp_path: Path, write_jsonl: Write) -> Path:
    rows = [{"question": f"What is {n} + 1?"} for n in range(60)]
    nt("import", write_jsonl(rows), "--pool", tmp_path / "pool", "--license", "mit")
    return tmp_path / "pool"


def command(pool: Path, url: str, *more: object) -> list[object]:
    return ["generate", "--pool", pool, "--teacher", TEACHER, "--base-url", url, *more]


def outcome(number: int, spent: Spent = Spent(3, 4)) -> Outcome:  # noqa: B008
    return Outcome(f"{number:016x}", 0, DONE, {"number": number, "half": "\ud800"}, spent, 1, 0.1)


def save(path: Path, outcomes: list[Outcome]) -> None:
    async def run() -> None:
        opened = Store(path)
        number = opened.id_of(ASKED)
        run_number = opened.begin_run(number, len(outcomes), Prices())
        writer = Writer(path, asked=number, run=run_number, signs=Signs)
        try:
            await asyncio.gather(*map(writer.save, outcomes))
        finally:
            await writer.close()
            opened.close()

    asyncio.run(run())


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    path = tmp_path / "replies" / "a.sqlite"
    numbers = [0, 1, 2**63, 2**64 - 1, *range(10, 2500)]
    save(path, [outcome(number) for number in numbers])
    opened = Store(path)
    found = dict(opened.replies(numbers))
    assert [found[n][0].body["number"] for n in numbers] == numbers
    assert sorted(opened.subjects(1, 0).tolist()) == sorted(numbers)
    assert opened.outcomes() == {DONE: len(numbers)}
    assert opened.spent() == Spent(3 * len(numbers), 4 * len(numbers))
    opened.close()


def test_a_failure_that_becomes_a_reply_is_one_row_and_both_are_paid(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    save(path, [outcome(1, Spent(0, 0, 5, 6))._replace(outcome="timed_out", body=None)])
    save(path, [outcome(1)])
    opened = Store(path)
    assert opened.outcomes() == {DONE: 1}
    assert opened.spent() == Spent(3, 4, 5, 6)
    assert opened.attempts() == 2
    opened.close()


def test_a_torn_last_record_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    """The log of a store that was never closed, cut off at any byte of its last transactions."""
    path = tmp_path / "a.sqlite"
    program = (
        "import sys, os; sys.path[:0] = ['tests']\n"
        "import test_replies_store as t\n"
        "from pathlib import Path\n"
        "keep = t.Store(Path(sys.argv[1]))\n"  # a connection that stays open keeps the log
        "for n in range(30): t.save(Path(sys.argv[1]), [t.outcome(n)])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], cwd=Path(__file__).parent.parent)
    log = path.with_name("a.sqlite-wal")
    size = log.stat().st_size
    seen = []
    for lost in (0, 1, 100, 5000, 20_000, size // 2):
        torn = tmp_path / f"torn-{lost}"
        torn.mkdir()
        shutil.copy(path, torn)
        (torn / log.name).write_bytes(log.read_bytes()[: size - lost])
        opened = Store(torn / path.name)
        there = opened.subjects(1, 0).tolist()
        assert sorted(there) == list(range(len(there)))  # a beginning, without a gap
        assert [r[0].body["number"] for _, r in opened.replies(range(len(there)))] == sorted(there)
        seen.append(len(there))
        opened.close()
        save(torn / path.name, [outcome(n) for n in range(40)])
        opened = Store(torn / path.name)
        assert opened.outcomes() == {DONE: 40}
        opened.close()
    assert seen[0] == 30
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < 30


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(BadPool, match="cannot be read as a store of replies"):
        Store(path)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.sqlite"
    save(path, [outcome(n) for n in range(10)])
    connect = saving.connect

    def small(path: Path) -> sqlite3.Connection:
        db = connect(path)
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 2}")
        return db

    monkeypatch.setattr(saving, "connect", small)
    with pytest.raises(DiskFull, match="what was stored before stays"):
        save(path, [outcome(n) for n in range(10, 2000)])
    monkeypatch.setattr(saving, "connect", connect)
    save(path, [outcome(n) for n in range(2000)])
    opened = Store(path)
    assert opened.outcomes() == {DONE: 2000}
    opened.close()


def test_a_disk_that_fills_up_is_said(nt: Run, questions: Path) -> None:
    """No file may grow beyond a size, the store's log neither, also when the run's end is noted."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def script(request: Request) -> Answer:
        if request.number == 20:
            log = next((questions / "replies").glob("*-wal"))
            resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, before[1]))
        return teach(request)

    with ModelServer(script) as server:
        try:
            code, _, errors = nt(*command(questions, server.url, "--concurrency", 4))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert (code, "the disk is full; what was stored before stays" in errors) == (2, True)
        server.script = teach
        assert nt(*command(questions, server.url))[0] == 0
        assert 60 <= len(server.requests) <= 60 + 4
    assert status(questions)[0]["outcomes"] == {DONE: 60}


def test_one_that_cannot_be_stored_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    bad = [outcome(3)._replace(detail="\ud83d"), outcome(4, Spent(0, 10**30))]
    with pytest.raises(BadPool, match="a reply cannot be stored"):
        save(path, [outcome(1), bad[0], outcome(2), bad[1], outcome(5)])
    opened = Store(path)
    assert opened.subjects(1, 0).tolist() == [1, 2, 5]
    opened.close()


def test_nonsense_from_a_server_costs_its_question_alone(nt: Run, questions: Path) -> None:
    def script(request: Request) -> Answer:
        if request.question == "What is 3 + 1?":
            return Answer(b'{"half": "\\ud83d"}')
        body = thoughtful(request)
        if request.question == "What is 4 + 1?":
            body["usage"]["completion_tokens"] = 10**30
        return as_json(body)

    with ModelServer(script) as server:
        code, _, errors = nt(*command(questions, server.url, "--tries", 1))
    assert code == 0, errors
    assert status(questions)[0]["outcomes"] == {DONE: 59, "broken_reply": 1}


def test_nothing_is_asked_for_that_could_not_be_stored(
    nt: Run, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(questions)._replace(free=2**20)
    with ModelServer() as server:
        monkeypatch.setattr("builders.endpoints.saving.shutil.disk_usage", lambda folder: full)
        code, _, errors = nt(*command(questions, server.url))
        assert code == 2
        assert "MB are needed for the replies that may arrive" in errors
        assert server.requests == []


def test_a_budget_is_never_overdrawn(nt: Run, questions: Path) -> None:
    """Every reply uses up all that it may, and 20 are on the way at once."""
    words = " ".join(["word"] * 99)

    def script(request: Request) -> Answer:
        body = chat("w", words)
        size = most_of(request.body["messages"], 0).prompt
        body["usage"] = {"prompt_tokens": size, "completion_tokens": 100, "total_tokens": 0}
        return as_json(body, delay=0.02)

    with ModelServer(script) as server:
        more = ["--max-tokens", 100, "--budget-tokens", 4000, "--concurrency", 20]
        code, output, _ = nt(*command(questions, server.url, *more))
        asked = len(server.requests)
        assert (code, "budget" in output) == (0, True)
        (entry,) = open_pool(questions).manifest["ledger"]
        used = entry["tokens_in"] + entry["tokens_out"]
        each = used // asked
        assert 4000 - each < used <= 4000
        nt(*command(questions, server.url, *more))
        assert len(server.requests) == asked  # it is the budget of all runs together
        assert open_pool(questions).num_rows("traces") == asked

        dollars = ["--max-tokens", 100, "--budget-usd", 2 * used / 1e6, "--concurrency", 20]
        code, _, errors = nt(*command(questions, server.url, *dollars))
        assert code == 2
        assert "--budget-usd needs --price-in and --price-out" in errors
        dollars += ["--price-in", 1, "--price-out", 1]
        code, output, _ = nt(*command(questions, server.url, *dollars))
        (entry,) = open_pool(questions).manifest["ledger"]
        assert entry["usd"] <= 2 * used / 1e6
        assert entry["usd"] + 2 * each / 1e6 > 2 * used / 1e6
        assert entry["usd_per_row"] == pytest.approx(entry["usd"] / entry["rows"], abs=1e-6)


def test_a_template_of_the_server_that_adds_much_is_learned(nt: Run, questions: Path) -> None:
    def script(request: Request) -> Answer:
        body = thoughtful(request)
        body["usage"] = {"prompt_tokens": 260, "completion_tokens": 200, "total_tokens": 460}
        return as_json(body)

    with ModelServer(script) as server:
        more = ["--max-tokens", 200, "--budget-tokens", 2150, "--concurrency", 1]
        assert nt(*command(questions, server.url, *more))[0] == 0
        assert len(server.requests) == 4  # a fifth would cost 460, and 310 are left


def test_what_nobody_knows_is_counted_as_paid(nt: Run, questions: Path) -> None:
    def script(request: Request) -> Answer:
        return Answer(cut=0) if request.number < 3 else teach(request)

    with ModelServer(script) as server:
        nt(*command(questions, server.url, "--max-tokens", 50, "--concurrency", 1))
    (entry,) = open_pool(questions).manifest["ledger"]
    assert entry["requests"] == 63
    assert 3 * 50 < entry["tokens_uncertain"] < 3 * 200


def test_a_budget_counts_everything() -> None:
    budget = Budget(Spent(10, 10), Prices(1e6, 2e6), tokens=100, usd=150)
    assert budget.fits(Spent(80, 0))
    assert not budget.fits(Spent(81, 0))
    assert budget.fits(Spent(0, 60))  # 10 + 20 are spent, 120 dollars left
    assert not budget.fits(Spent(0, 61))
    budget.reserve(Spent(0, 60))
    assert not budget.fits(Spent(0, 1))
    budget.settle(Spent(0, 60), Spent(0, 5, 0, 5))
    assert budget.nothing_reserved
    assert budget.spent == Spent(10, 15, 0, 5)
    budget.reserve(Spent(5, 0))
    budget.reserve(Spent(5, 0))
    budget.settle(Spent(5, 0), Spent(7, 0))
    assert budget.fits(Spent(54, 0))  # 37 are spent, 5 reserved, and each of two may read 2 more
    assert not budget.fits(Spent(55, 0))
    assert most_of([{"role": "user", "content": "größer"}], 5) == Spent(8 + 64, 5)


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def newest_run(pool: Path) -> dict[str, Any]:
    found = status(pool)
    return (found and found[0]["run"]) or {}


def test_another_process_watches_and_stops(
    nt: Run, nt_process: Callable[..., Any], questions: Path
) -> None:
    slow = lambda request: teach(request)._replace(delay=0.5)  # noqa: E731
    with ModelServer(slow) as server:
        words = command(questions, server.url, "--concurrency", 4, "--price-out", 1)
        process = nt_process(*words)
        wait_for(lambda: len(server.requests) >= 8)
        wait_for(lambda: newest_run(questions).get("done", 0) >= 4)
        code, output, _ = nt("status", "--pool", questions)
        assert code == 0
        assert f"generate with {TEACHER}: running, " in output
        assert "of 60 in this run" in output
        assert "a second" in output
        (one,) = json.loads(nt("status", "--pool", questions, "--json")[1])["models"]
        assert one["run"]["state"] == "running"
        assert one["run"]["seconds_left"] > 0

        code, _, errors = nt(*words)  # the same, twice
        assert code == 2
        assert "another nt is writing here" in errors

        code, output, _ = nt("stop", "--pool", questions)
        assert (code, f"asked to stop: {TEACHER}" in output) == (0, True)
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "nothing was written: the run was stopped" in output
        stored = sum(status(questions)[0]["outcomes"].values())
        assert stored == len(server.requests) < 60  # what was on its way was waited for
        assert status(questions)[0]["run"]["state"] == "stopped"
        assert "nothing is running" in nt("stop", "--pool", questions)[1]

        assert nt("generate", "--pool", questions, "--teacher", TEACHER, "--no-ask")[0] == 0
        assert open_pool(questions).num_rows("traces") == stored
        server.script = teach
        assert nt(*words)[0] == 0
        assert len(server.requests) == 60
    assert open_pool(questions).num_rows("traces") == 60


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c(nt_process: Callable[..., Any], questions: Path, presses: int) -> None:
    slow = lambda request: teach(request)._replace(delay=1.5)  # noqa: E731
    with ModelServer(slow) as server:
        process = nt_process(*command(questions, server.url, "--concurrency", 4))
        wait_for(lambda: len(server.requests) == 4)
        time.sleep(0.2)
        for _ in range(presses):
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "waiting for 4 on the way" in errors
        assert "Every reply that came is stored." in errors
        (entry,) = status(questions)
        assert entry["outcomes"] == ({DONE: 4} if presses == 1 else {"cut_off": 4})
        assert (entry["tokens_uncertain"] > 4 * 16_384) == (presses == 2)  # they may be paid for
        assert len(server.requests) == 4


def test_sigterm_is_a_stop(nt_process: Callable[..., Any], questions: Path) -> None:
    slow = lambda request: teach(request)._replace(delay=0.5)  # noqa: E731
    with ModelServer(slow) as server:
        process = nt_process(*command(questions, server.url, "--concurrency", 4))
        wait_for(lambda: len(server.requests) == 4)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "the run was stopped" in output
        assert status(questions)[0]["outcomes"] == {DONE: 4}


def test_status_says_what_a_run_waits_for(
    nt: Run, nt_process: Callable[..., Any], questions: Path
) -> None:
    busy = Answer(b"too\nmany", status=429, headers=(("Retry-After", "60"),))
    with ModelServer(lambda request: busy) as server:
        process = nt_process(*command(questions, server.url))
        waits = wait_for(lambda: newest_run(questions).get("troubles"))
        assert waits == f"{server.url} (HTTP 429: too many)"
        assert f"waits for {waits}" in nt("status", "--pool", questions)[1]
        nt("stop", "--pool", questions)
        assert process.wait(timeout=20) == 0  # it does not wait for the minute to end
        process.communicate()


def test_a_killed_run_is_told_from_one_that_goes_on(
    nt: Run, nt_process: Callable[..., Any], questions: Path
) -> None:
    slow = lambda request: teach(request)._replace(delay=0.3)  # noqa: E731
    with ModelServer(slow) as server:
        process = nt_process(*command(questions, server.url, "--concurrency", 4))
        wait_for(lambda: newest_run(questions).get("done", 0) >= 4)
        process.kill()
        process.communicate()
        assert status(questions)[0]["run"]["state"] == "killed"
        assert "nothing is running" in nt("stop", "--pool", questions)[1]
        before = len(server.requests)
        server.script = teach
        code, output, _ = nt(*command(questions, server.url, "--json"))
        found = json.loads(output)
        assert (code, found["how"]) == (0, "finished")
        assert found["missing"] == found["finished"] == len(server.requests) - before < 60
        assert found["written"]["traces_added"] == 60
        assert found["ledger"]["outcomes"] == {DONE: 60}
        assert nt(*command(questions, server.url, "--quiet")) == (0, "", "")
    assert status(questions)[0]["run"]["state"] == "finished"


def test_a_run_in_a_thread_leaves_signals_alone(nt: Run, questions: Path) -> None:
    from builders.endpoints.running import Endpoint
    from builders.generating import generate

    found = []
    with ModelServer() as server:
        endpoint = Endpoint({server.url: None})
        thread = threading.Thread(
            target=lambda: found.append(generate(questions, TEACHER, endpoint))
        )
        thread.start()
        thread.join()
    assert found[0].finished == 60


def test_exporting_again_adds_nothing_and_another_order_gives_the_same(
    nt: Run, questions: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(questions, copy)

    def late(request: Request) -> Answer:  # the first come last
        return teach(request)._replace(delay=max(0.0, 0.3 - request.number / 100))

    with ModelServer() as one, ModelServer(late) as two:
        nt(*command(questions, one.url))
        nt(*command(copy, two.url))

    def shards(pool: Path) -> dict[str, bytes]:
        return {str(p.relative_to(pool)): p.read_bytes() for p in pool.rglob("*.parquet")}

    assert shards(questions) == shards(copy)
    nt("generate", "--pool", copy, "--teacher", TEACHER, "--no-ask")
    assert shards(questions) == shards(copy)


def test_whoever_may_only_read_sees_the_status(nt: Run, questions: Path) -> None:
    with ModelServer() as server:
        nt(*command(questions, server.url))
    replies = questions / "replies"
    replies.chmod(0o555)
    before = replies.stat().st_mtime_ns
    try:
        code, output, errors = nt("status", "--pool", questions)
    finally:
        replies.chmod(0o755)
    assert (code, "finished, 60 of 60" in output) == (0, True), errors
    assert replies.stat().st_mtime_ns == before  # root, who may do all, has made no file either


def test_nothing_to_write(nt: Run, questions: Path) -> None:
    code, _, errors = nt("generate", "--pool", questions, "--teacher", TEACHER, "--no-ask")
    assert code == 2
    assert f"no reply of '{TEACHER}' is stored" in errors
    assert "no model has been asked yet" in nt("status", "--pool", questions)[1]
    assert not store_path(questions, TASK, TEACHER).exists()
