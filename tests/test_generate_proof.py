"""The proof: 2,000 questions, a fault on 30% of the requests, killed with SIGKILL five times."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from model_server import Answer, ModelServer, Request, as_json, chat, teach

from builders.endpoints import DONE
from builders.endpoints.store import Store, store_path
from builders.generating import TASK
from builders.ids import content_id
from builders.pool import open_pool

Run = Callable[..., tuple[int, str, str]]

QUESTIONS = 2000
KILLED_AT = (200, 550, 900, 1300, 1750)
DOWN_FOR = 20.0
TEACHER = "synthetic/teacher"

FAULTS: dict[str, Callable[[Request], Answer]] = {
    "429": lambda request: Answer(status=429),
    "429 with Retry-After": lambda request: Answer(status=429, headers=(("Retry-After", "0.2"),)),
    "500": lambda request: Answer(b"oops", status=500),
    "503": lambda request: Answer(b"loading", status=503, headers=(("Retry-After", "0.1"),)),
    "hang": lambda request: Answer(hang=True),
    "reset before": lambda request: Answer(cut=0),
    "reset in the body": lambda request: answered(request)._replace(cut=60),
    "broken JSON": lambda request: Answer(answered(request).body[:-9]),
    "wrong schema": lambda request: as_json({"output": "4"}),
    "empty": lambda request: Answer(),
    "HTML": lambda request: Answer(b"<html>Welcome</html>", kind="text/html"),
    "slow drip": lambda request: answered(request)._replace(drip=0.05),
}


def number_of(request: Request) -> int:
    return int(request.question.split()[2])


def answered(request: Request) -> Answer:
    """What the teacher says; of some questions it never says anything that can be used."""
    number = number_of(request)
    if number % 97 == 0:
        return Answer(b"this is longer than my context", status=400)
    if number % 89 == 0:
        return as_json(chat("I think and think", None, finish="length"), delay=0.02)
    return teach(request)._replace(delay=0.02)


class Faulty:
    """A fault on 30% of the requests, and one outage of 20 seconds."""

    def __init__(self) -> None:
        self._random = Random(7)
        self.met: Counter[str] = Counter()
        self._down_since: float | None = None

    def __call__(self, request: Request) -> Answer:
        if request.number == 1500:
            self._down_since = time.monotonic()
        if self._down_since and time.monotonic() - self._down_since < DOWN_FOR:
            self.met["down"] += 1
            return Answer(b"down", status=503)
        if self._random.random() < 0.3:
            name = self._random.choice(list(FAULTS))
            self.met[name] += 1
            return FAULTS[name](request)
        return answered(request)


def stored(pool: Path) -> dict[str, str]:
    """The subject of each job that has ended, with its outcome."""
    store = Store(store_path(pool, TASK, TEACHER))
    rows = store._db.execute("SELECT subject, outcome FROM replies").fetchall()
    store.close()
    return {f"{subject % 2**64:016x}": outcome for subject, outcome in rows}


def shards(pool: Path) -> dict[str, bytes]:
    files = [*pool.rglob("*.parquet"), *pool.rglob("*.jsonl")]
    return {str(path.relative_to(pool)): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_lost(
    nt: Run, nt_process: Callable[..., Any], tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    questions = write_jsonl([{"question": f"What is {n} + 1?"} for n in range(QUESTIONS)])
    calm, hard = tmp_path / "calm", tmp_path / "hard"
    for pool in (calm, hard):
        nt("import", questions, "--pool", pool)

    def command(pool: Path, server: ModelServer) -> list[object]:
        where = ["generate", "--pool", pool, "--teacher", TEACHER, "--base-url", server.url]
        return [*where, "--max-tokens", 100, "--timeout", 2, "--tries", 8, "--concurrency", 64]

    with ModelServer(answered) as server:
        code, _, errors = nt(*command(calm, server))
        assert code == 0, errors

    faulty = Faulty()
    with ModelServer(faulty) as server:
        before: list[tuple[int, dict[str, str]]] = []
        for killed_at in KILLED_AT:
            process = nt_process(*command(hard, server))
            while len(before_kill := stored_or_none(hard)) < killed_at:
                assert process.poll() is None, process.communicate()
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            assert len(before_kill) < QUESTIONS
            time.sleep(0.3)  # requests that were in the server's buffers are noted
            before.append((len(server.requests), stored(hard)))
        code, _, errors = nt(*command(hard, server))
        assert code == 0, errors

        asked = [content_id(request.question) for request in server.requests]
        for requests, had in before:
            assert not set(asked[requests:]) & set(had), "a stored reply was asked for again"
        assert len(before) == len(KILLED_AT)
        assert set(faulty.met) == {*FAULTS, "down"}

    ended = stored(hard)
    assert len(ended) == QUESTIONS
    outcomes = Counter(ended.values())
    traces = {
        row
        for shard in open_pool(hard).shards("traces")
        for row in pq.read_table(shard)["question_id"].to_pylist()
    }
    assert traces == {subject for subject, outcome in ended.items() if outcome == DONE}
    assert outcomes["refused"] == len(range(0, QUESTIONS, 97))
    assert outcomes["cut_by_length"] == len([n for n in range(0, QUESTIONS, 89) if n % 97])
    assert set(outcomes) == {DONE, "refused", "cut_by_length"}
    assert shards(hard) == shards(calm)
    print(f"\n{len(server.requests):,} requests; faults: {dict(faulty.met)}; outcomes: {outcomes}")


def stored_or_none(pool: Path) -> dict[str, str]:
    return stored(pool) if store_path(pool, TASK, TEACHER).exists() else {}
