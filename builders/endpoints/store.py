"""The store: every reply on the disk before it counts.

One SQLite file for each task and model, in `pool/replies/`:

    asked    id=1  what='{"model": "deepseek-ai/DeepSeek-R1", "prompt": "plain", …}'
    replies  asked=1  subject=4702394921427289928  sample=0  outcome='done'
             prompt_tokens=21  completion_tokens=5310  attempts=1  seconds=92.4  …
    bodies   id=17  body=<what the server sent, deflated JSON>
    runs     id=1  pid=4711  started=…  missing=20000  stop=0  …

In the mode that we use (a write-ahead log, synchronous=FULL) a transaction that was reported is on
the disk, and one that was torn by a crash is as if it had not been. `saving` writes replies.
"""

import contextlib
import json
import os
import platform
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.endpoints import DONE, FAILURES, FINAL, NOT_VALID, Asked
from builders.endpoints.budget import Prices, Spent
from builders.errors import BadPool
from builders.ids import content_id

FOLDER = "replies"
GOLDEN = "golden"
"""Below it, each golden set is a small pool of its own, with stores of its own."""

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


def store_paths(pool: Path) -> list[Path]:
    """All stores of a pool, those of its golden sets too."""
    below = ("*.sqlite", f"{GOLDEN}/*/{FOLDER}/*.sqlite")
    return sorted(path for pattern in below for path in (pool / FOLDER).glob(pattern))


def signed(number: int) -> int:
    """An id of 64 bits as SQLite's integers have it."""
    return number - 2**64 if number >= 2**63 else number


class Store:
    """One store, open for reading; with a `Writer` on it, for writing."""

    def __init__(self, path: Path, *, only_read: bool = False) -> None:
        """Open it; make it if it is not there.

        Args:
            path: of the file.
            only_read: change nothing, so that whoever may only read the folder can; it is there.

        Raises:
            BadPool: the file is no store, or is damaged.
        """
        self.path = path
        try:
            if only_read:
                self._db = _connect_to_read(path)
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = connect(path)
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
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
        repeated = [reason for reason in FAILURES if again or reason not in FINAL]
        places = ",".join("?" * len(repeated))
        # The index would be followed into the table for each row; read from end to end instead.
        return self._ids(
            "SELECT subject FROM replies NOT INDEXED WHERE asked = ? AND sample = ? "
            f"AND outcome NOT IN ({places})",
            (asked, sample, *repeated),
        )

    def subjects_with(self, asked: int, sample: int, outcome: str) -> NDArray[np.uint64]:
        """The subjects of the jobs that ended so."""
        return self._ids(
            "SELECT subject FROM replies NOT INDEXED WHERE asked = ? AND sample = ? "
            "AND outcome = ?",
            (asked, sample, outcome),
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

    def replies(
        self, subjects: Iterable[int], *, asked: int | None = None
    ) -> Iterator[tuple[int, list[Stored]]]:
        """The replies about each of these subjects, in order of what was asked and of sample.

        Not those that are failures, except for a wrong form, which the next request quotes.

        Args:
            subjects: their ids.
            asked: the replies to this alone; None: to everything that was asked.
        """
        no_replies = [reason for reason in FAILURES if reason != NOT_VALID]
        query = (
            "SELECT replies.asked, sample, outcome, body FROM replies JOIN bodies USING (id) "
            "WHERE replies.asked = ? AND subject = ? "
            f"AND outcome NOT IN ({','.join('?' * len(no_replies))}) ORDER BY sample"
        )
        numbers = list(self.asked()) if asked is None else [asked]
        for subject in subjects:
            found = [
                Stored(of, sample, outcome, json.loads(zlib.decompress(body)))
                for number in numbers
                for of, sample, outcome, body in self._db.execute(
                    query, (number, signed(subject), *no_replies)
                )
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


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing: not even the log, which SQLite would begin."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    if path.with_name(f"{path.name}-wal").exists():
        with contextlib.suppress(sqlite3.OperationalError):  # it has just been closed
            return _connected(f"{address}&readonly_shm=1")
    return _connected(f"{address}&immutable=1")  # nobody writes


def _connected(address: str) -> sqlite3.Connection:
    db = sqlite3.connect(address, uri=True, timeout=60, isolation_level=None)
    try:
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return db
    except sqlite3.Error:
        db.close()
        raise
    db.close()
    db = sqlite3.connect(":memory:", isolation_level=None)  # it is being made: still empty
    db.executescript(_SCHEMA)
    return db


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a store, whose transactions are on the disk when they end."""
    db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    return db
