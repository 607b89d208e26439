"""The store: every reply on the disk before it counts.

One SQLite file for each task and model, in `pool/replies/`:

    asked    id=1  what='{"model": "deepseek-ai/DeepSeek-R1", "prompt": "plain", …}'
    replies  asked=1  subject=4702394921427289928  sample=0  outcome='done'
             prompt_tokens=21  completion_tokens=5310  attempts=1  seconds=92.4  …
    bodies   id=17  body=<what the server sent, deflated JSON>
    runs     id=1  pid=4711  started=…  missing=20000  stop=0  …

A thread of its own writes. Replies that arrive while it waits for the disk go into the next
transaction together, so an fsync is paid for once per moment and not once per reply. In the mode
that we use (a write-ahead log, synchronous=FULL) a transaction that was reported is on the disk,
and one that was torn by a crash is as if it had not been.
"""

import asyncio
import contextlib
import json
import os
import platform
import queue
import shutil
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.endpoints import DONE, FINAL, Asked
from builders.endpoints.budget import Prices, Spent
from builders.errors import BadPool, DiskFull
from builders.ids import content_id

FOLDER = "replies"
_BATCH = 1000
_DEFLATE = 1  # level 6 saves a tenth more, for four times the work
_BEAT = 1.0  # seconds between signs of life
_KEEP_FREE = 64 * 2**20
_FREE_PER_REQUEST = 2**18  # a reply of 16,384 tokens has some 70 kB

_SCHEMA = """
CREATE TABLE IF NOT EXISTS asked (id INTEGER PRIMARY KEY, what TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS replies (
    id INTEGER PRIMARY KEY,
    asked INTEGER NOT NULL REFERENCES asked(id),
    subject INTEGER NOT NULL,
    sample INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    row_id INTEGER,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    uncertain_prompt_tokens INTEGER NOT NULL,
    uncertain_completion_tokens INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    seconds REAL NOT NULL,
    at REAL NOT NULL,
    detail TEXT,
    UNIQUE (asked, subject, sample)
);
CREATE INDEX IF NOT EXISTS by_time ON replies (at);
CREATE TABLE IF NOT EXISTS bodies (id INTEGER PRIMARY KEY REFERENCES replies(id), body BLOB);
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY,
    pid INTEGER NOT NULL,
    machine TEXT NOT NULL,
    asked INTEGER NOT NULL REFERENCES asked(id),
    started REAL NOT NULL,
    beat REAL NOT NULL,
    missing INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    in_flight INTEGER NOT NULL DEFAULT 0,
    troubles TEXT NOT NULL DEFAULT '',
    price_in REAL NOT NULL,
    price_out REAL NOT NULL,
    stop INTEGER NOT NULL DEFAULT 0,
    ended TEXT
);
"""

_SAVE = """
INSERT INTO replies (asked, subject, sample, outcome, row_id, prompt_tokens, completion_tokens,
                     uncertain_prompt_tokens, uncertain_completion_tokens, attempts, seconds, at,
                     detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (asked, subject, sample) DO UPDATE SET
    outcome = excluded.outcome, row_id = excluded.row_id, seconds = excluded.seconds,
    at = excluded.at, detail = excluded.detail,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens,
    uncertain_prompt_tokens = uncertain_prompt_tokens + excluded.uncertain_prompt_tokens,
    uncertain_completion_tokens = uncertain_completion_tokens
                                  + excluded.uncertain_completion_tokens,
    attempts = attempts + excluded.attempts
RETURNING id
"""


class Outcome(NamedTuple):
    """How a job ended: with a reply (`body` is the server's JSON), or without one."""

    subject: str
    sample: int
    outcome: str
    body: Any
    spent: Spent
    attempts: int
    seconds: float
    row_id: str | None = None
    detail: str | None = None


class Stored(NamedTuple):
    """A reply that was stored: which, what was said of it, and the server's JSON."""

    asked: int
    sample: int
    outcome: str
    body: Any


class Run(NamedTuple):
    """A run as it describes itself; `ended` is None while it goes on, or after it was killed."""

    id: int
    pid: int
    machine: str
    started: float
    beat: float
    missing: int
    done: int
    in_flight: int
    troubles: str
    stop: int
    ended: str | None


def store_path(pool: Path, task: str, model: str) -> Path:
    """Where the replies of a model to a task lie."""
    readable = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "-" for c in model)
    return pool / FOLDER / f"{task}--{readable[-80:]}--{content_id(model)[:8]}.sqlite"


def signed(number: int) -> int:
    """An id of 64 bits as SQLite's integers have it."""
    return number - 2**64 if number >= 2**63 else number


class Store:
    """One store, open for reading; with a `Writer` on it, for writing."""

    def __init__(self, path: Path) -> None:
        """Open it; make it if it is not there.

        Raises:
            BadPool: the file is no store, or is damaged.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            self._db = _connect(path)
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise BadPool(f"{path}: cannot be read as a store of replies: {error}") from error

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def id_of(self, asked: Asked) -> int:
        """The number of what is asked, which stands for it in this file."""
        self._db.execute("INSERT OR IGNORE INTO asked (what) VALUES (?)", (asked.text(),))
        row = self._db.execute("SELECT id FROM asked WHERE what = ?", (asked.text(),)).fetchone()
        return int(row[0])

    def asked(self) -> dict[int, Any]:
        """All that was ever asked of this model, by number."""
        rows = self._db.execute("SELECT id, what FROM asked ORDER BY id")
        return {number: json.loads(what) for number, what in rows}

    def subjects(self, asked: int, sample: int, *, again: bool = False) -> NDArray[np.uint64]:
        """The subjects that need not be asked: there is a reply, or a failure that is final.

        Args:
            asked: what was asked.
            sample: which sample.
            again: leave out those that the server refused, to ask them once more.
        """
        from builders.endpoints import FAILURES

        repeated = [reason for reason in FAILURES if again or reason not in FINAL]
        places = ",".join("?" * len(repeated))
        # The index would be followed into the table for each row; read from end to end instead.
        return self._ids(
            "SELECT subject FROM replies NOT INDEXED WHERE asked = ? AND sample = ? "
            f"AND outcome NOT IN ({places})",
            (asked, sample, *repeated),
        )

    def rows_made(self) -> NDArray[np.uint64]:
        """The ids of the rows that its usable replies became."""
        return self._ids("SELECT row_id FROM replies WHERE row_id IS NOT NULL", ())

    def usable_of_others(self, asked: int) -> NDArray[np.uint64]:
        """The subject of each usable reply to something else that was asked of this model."""
        others = ",".join(str(number) for number in self.asked() if number != asked)
        query = f"SELECT subject FROM replies WHERE asked IN ({others}) AND outcome = ?"
        return self._ids(query, (DONE,))

    def _ids(self, query: str, values: tuple[Any, ...]) -> NDArray[np.uint64]:
        rows = self._db.execute(query, values)
        return np.fromiter((row[0] for row in rows), np.int64).view(np.uint64)

    def replies(self, subjects: Iterable[int]) -> Iterator[tuple[int, list[Stored]]]:
        """The replies about each of these subjects, in order of what was asked and of sample."""
        query = (
            "SELECT replies.asked, sample, outcome, body FROM replies JOIN bodies USING (id) "
            "WHERE replies.asked = ? AND subject = ? ORDER BY sample"
        )
        numbers = list(self.asked())
        for subject in subjects:
            found = [
                Stored(of, sample, outcome, json.loads(zlib.decompress(body)))
                for number in numbers
                for of, sample, outcome, body in self._db.execute(query, (number, signed(subject)))
            ]
            yield subject, found

    def spent(self) -> Spent:
        """All tokens ever, of every run."""
        row = self._db.execute(
            "SELECT sum(prompt_tokens), sum(completion_tokens), sum(uncertain_prompt_tokens), "
            "sum(uncertain_completion_tokens) FROM replies"
        ).fetchone()
        return Spent(*(value or 0 for value in row))

    def outcomes(self) -> dict[str, int]:
        """How many jobs ended how."""
        rows = self._db.execute("SELECT outcome, count(*) FROM replies GROUP BY outcome ORDER BY 1")
        return dict(rows.fetchall())

    def attempts(self) -> int:
        """How many requests were sent."""
        return int(self._db.execute("SELECT coalesce(sum(attempts), 0) FROM replies").fetchone()[0])

    def since(self, moment: float) -> int:
        """How many jobs ended since then."""
        row = self._db.execute("SELECT count(*) FROM replies WHERE at >= ?", (moment,)).fetchone()
        return int(row[0])

    def last_detail(self, outcome: str) -> str | None:
        """What the last job with this outcome met."""
        row = self._db.execute(
            "SELECT detail FROM replies WHERE outcome = ? ORDER BY at DESC LIMIT 1", (outcome,)
        ).fetchone()
        return str(row[0]) if row and row[0] else None

    def last_run(self) -> Run | None:
        """The newest run, going on or not."""
        row = self._db.execute(
            "SELECT id, pid, machine, started, beat, missing, done, in_flight, troubles, stop, "
            "ended FROM runs ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return Run(*row) if row else None

    def prices(self) -> Prices:
        """The newest that a run was told."""
        row = self._db.execute(
            "SELECT price_in, price_out FROM runs WHERE price_in > 0 OR price_out > 0 "
            "ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return Prices(*row) if row else Prices()

    def begin_run(self, asked: int, missing: int, prices: Prices) -> int:
        """Note that a run begins; returns its number."""
        now = time.time()
        cursor = self._db.execute(
            "INSERT INTO runs (pid, machine, asked, started, beat, missing, price_in, price_out) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (os.getpid(), platform.node(), asked, now, now, missing, *prices),
        )
        return int(cursor.lastrowid or 0)

    def end_run(self, run: int, how: str) -> None:
        """Note how a run ended."""
        self._db.execute(
            "UPDATE runs SET ended = ?, beat = ?, in_flight = 0 WHERE id = ?",
            (how, time.time(), run),
        )

    def ask_to_stop(self, run: int) -> None:
        """Ask whoever runs it to finish what is in flight, and end."""
        self._db.execute("UPDATE runs SET stop = 1 WHERE id = ?", (run,))


class Signs(NamedTuple):
    """A run's signs of life: requests that are out, and hosts that are in trouble."""

    in_flight: int = 0
    troubles: str = ""


class Writer:
    """The thread that writes: `save` returns when the outcome is on the disk."""

    def __init__(self, path: Path, *, asked: int, run: int, signs: Callable[[], Signs]) -> None:
        """Start it.

        Args:
            path: of the store.
            asked: the number of what is asked.
            run: the number of the run, whose signs of life are written here.
            signs: tells them.
        """
        self.path = path
        self._asked = asked
        self._run = run
        self._signs = signs
        self._queue: queue.SimpleQueue[tuple[Outcome, asyncio.Future[None]] | None]
        self._queue = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="store")
        self._error: Exception | None = None
        self._done = 0
        self.stop_asked = asyncio.Event()
        self._thread.start()

    async def save(self, outcome: Outcome) -> None:
        """Wait until it is on the disk.

        Raises:
            DiskFull: there is no room for it.
        """
        if self._error:
            raise self._error
        future: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((outcome, future))
        await asyncio.shield(future)

    async def close(self) -> None:
        """Write what is left, and end."""
        self._queue.put(None)
        while self._thread.is_alive():
            await asyncio.sleep(0.005)

    def _work(self) -> None:
        batch: list[tuple[Outcome, asyncio.Future[None]]] = []
        try:
            with contextlib.closing(_connect(self.path)) as db:
                going_on = True
                while going_on:
                    going_on, batch = self._next_batch()
                    self._commit(db, [outcome for outcome, _ in batch])
                    self._tell([future for _, future in batch], None)
                    batch = []
        except (sqlite3.Error, OSError) as error:
            self._error = self._explained(error)
        finally:  # nobody must wait for a thread that has ended
            self._error = self._error or BadPool(f"{self.path}: is closed")
            while not self._queue.empty():
                if item := self._queue.get():
                    batch.append(item)
            if batch:
                self._tell([future for _, future in batch], self._error)

    def _next_batch(self) -> tuple[bool, list[tuple[Outcome, asyncio.Future[None]]]]:
        """All that is waiting; nothing, if nothing came for a moment."""
        batch: list[tuple[Outcome, asyncio.Future[None]]] = []
        try:
            item = self._queue.get(timeout=_BEAT)
            while item is not None:
                batch.append(item)
                if len(batch) == _BATCH:
                    return True, batch
                item = self._queue.get_nowait()
        except queue.Empty:
            return True, batch
        return False, batch

    def _commit(self, db: sqlite3.Connection, outcomes: list[Outcome]) -> None:
        self._done += len(outcomes)
        now = time.time()
        deflated = [_deflated(outcome.body) for outcome in outcomes]
        db.execute("BEGIN IMMEDIATE")
        for outcome, body in zip(outcomes, deflated, strict=True):
            row_id = None if outcome.row_id is None else signed(int(outcome.row_id, 16))
            subject = signed(int(outcome.subject, 16))
            said = (self._asked, subject, outcome.sample, outcome.outcome, row_id, *outcome.spent)
            more = (outcome.attempts, outcome.seconds, now, outcome.detail)
            ((number,),) = db.execute(_SAVE, (*said, *more)).fetchall()
            if body is not None:
                db.execute("INSERT OR REPLACE INTO bodies VALUES (?, ?)", (number, body))
        ((stop,),) = db.execute(
            "UPDATE runs SET beat = ?, done = ?, in_flight = ?, troubles = ? WHERE id = ? "
            "RETURNING stop",
            (now, self._done, *self._signs(), self._run),
        ).fetchall()
        db.execute("COMMIT")
        if stop:
            self._loop.call_soon_threadsafe(self.stop_asked.set)

    def _tell(self, futures: list[asyncio.Future[None]], error: Exception | None) -> None:
        def tell() -> None:
            for future in futures:
                if future.done():
                    continue
                if error:
                    future.set_exception(error)
                else:
                    future.set_result(None)

        self._loop.call_soon_threadsafe(tell)

    def _explained(self, error: Exception) -> Exception:
        if "full" in str(error) or "No space" in str(error) or "disk I/O" in str(error):
            return DiskFull(
                f"{self.path}: the disk is full; what was stored before stays, "
                "and the same command goes on when there is room"
            )
        return BadPool(f"{self.path}: cannot be written: {error}")


def check_room(folder: Path, in_flight: int) -> None:
    """Refuse to ask for replies that could not be stored.

    Raises:
        DiskFull: there is too little room.
    """
    free = shutil.disk_usage(folder).free
    needed = _KEEP_FREE + in_flight * _FREE_PER_REQUEST
    if free < needed:
        raise DiskFull(
            f"{folder}: {free / 1e6:,.0f} MB are free, and {needed / 1e6:,.0f} MB are needed for "
            "the replies that may arrive; everything that arrived is stored, and the same command "
            "goes on when there is room"
        )


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    return db


def _deflated(body: Any) -> bytes | None:
    if body is None:
        return None
    # json.loads reads half of a surrogate pair back, which some server is going to send.
    text = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return zlib.compress(text, _DEFLATE)
