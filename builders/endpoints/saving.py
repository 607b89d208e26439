"""Writing to the store: an outcome counts when it is on the disk.

A thread of its own writes. Replies that arrive while it waits for the disk go into the next
transaction together, so an fsync is paid for once per moment and not once per reply.
"""

import asyncio
import contextlib
import json
import queue
import shutil
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from builders.endpoints import ONCE_MORE
from builders.endpoints.budget import Spent
from builders.endpoints.store import connect, signed
from builders.errors import BadPool, DiskFull

_BATCH = 1000
_DEFLATE = 1  # level 6 saves a tenth more, for four times the work
_BEAT = 1.0  # seconds between signs of life
_KEEP_FREE = 64 * 2**20
_FREE_PER_REQUEST = 2**18  # a reply of 16,384 tokens has some 70 kB

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
            with contextlib.closing(connect(self.path)) as db:
                going_on = True
                while going_on:
                    going_on, batch = self._next_batch()
                    self._store(db, batch)
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

    def _store(
        self, db: sqlite3.Connection, batch: list[tuple[Outcome, asyncio.Future[None]]]
    ) -> None:
        """Write a batch; one that cannot be written does not take the others with it."""
        futures = [future for _, future in batch]
        try:
            self._commit(db, [outcome for outcome, _ in batch])
        except (ValueError, OverflowError) as error:  # a text or a number that SQLite cannot hold
            if db.in_transaction:
                db.execute("ROLLBACK")
            if len(batch) > 1:
                for one in batch:
                    self._store(db, [one])
            else:
                self._tell(futures, BadPool(f"{self.path}: a reply cannot be stored: {error}"))
        else:
            self._tell(futures, None)

    def _commit(self, db: sqlite3.Connection, outcomes: list[Outcome]) -> None:
        done = self._done + sum(outcome.outcome != ONCE_MORE for outcome in outcomes)
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
            (now, done, *self._signs(), self._run),
        ).fetchall()
        db.execute("COMMIT")
        self._done = done
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


def _deflated(body: Any) -> bytes | None:
    if body is None:
        return None
    # json.loads reads half of a surrogate pair back, which some server is going to send.
    text = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return zlib.compress(text, _DEFLATE)
