"""Generate: a teacher's traces for the questions of a pool that have none of it yet.

Two things, one after the other. Asking stores replies (see `endpoints`), and may be killed at any
moment. Writing makes traces of what is stored, in the order of the pool's questions and whatever
order the replies came in; doing it again adds nothing.
"""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from builders.endpoints import Asked, Read, Sampling
from builders.endpoints.asking import Limits
from builders.endpoints.budget import Budget, Prices
from builders.endpoints.running import INTERRUPTED, Endpoint, Watcher, ask_for_all
from builders.endpoints.store import Store, store_path
from builders.errors import BadOption
from builders.files import only_writer
from builders.generated import reader, replies_as_source
from builders.importing import import_source
from builders.ledger import describe_store, enter
from builders.pool import Pool, open_pool
from builders.prompts import load_prompt
from builders.sources import Source
from builders.waiting import Missing, jobs, missing
from builders.writing import ImportReport

TASK = "generate"


class Kind(NamedTuple):
    """What is asked for: which questions wait for it, what a reply must be, and what it becomes."""

    task: str
    missing: Callable[..., Missing]
    reader: Callable[[str], Read]
    source: Callable[[Pool, Store, str], Source]


TRACES = Kind(TASK, missing, reader, replies_as_source)

_SAMPLING, _LIMITS, _WATCHER = Sampling(), Limits(), Watcher()


class Allowance(NamedTuple):
    """What may be spent on a model for one task, by all runs together; None is no limit."""

    tokens: int | None = None
    usd: float | None = None
    prices: Prices = Prices()


_ALLOWANCE = Allowance()


class GenerateReport(NamedTuple):
    """What a run did: how it ended, how many jobs it finished of those missing, and the ledger.

    `written` is None where nothing was written, since the run was stopped.
    """

    how: str
    missing: int
    finished: int
    ledger: dict[str, Any]
    written: ImportReport | None


def generate(
    pool: Path | str,
    teacher: str,
    endpoint: Endpoint | None,
    *,
    revision: str | None = None,
    prompt: str = "plain",
    sampling: Sampling = _SAMPLING,
    samples: int = 1,
    allowance: Allowance = _ALLOWANCE,
    limits: Limits = _LIMITS,
    again: bool = False,
    tokenizer: str | None = None,
    kind: Kind = TRACES,
    watcher: Watcher = _WATCHER,
    on_missing: Callable[[int], None] = lambda count: None,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> GenerateReport:
    """Ask a teacher, and write its traces into the pool.

    Args:
        pool: the pool's folder.
        teacher: the model's name, as the server and the pool know it.
        endpoint: where it is served; None asks nothing, and writes what is stored.
        revision: the model's, to be recorded; another one is asked anew.
        prompt: what surrounds the question: see `prompts`.
        sampling: how the model draws its replies.
        samples: how many traces a question shall have of it.
        allowance: what may be spent.
        limits: how hard to try.
        again: ask again what the server refused.
        tokenizer: see `importing.import_source`.
        kind: what is asked for.
        watcher: is told how the asking goes.
        on_missing: is told how many requests are missing, before the first.
        progress: wraps the replies while they are written.

    Raises:
        EndpointError: it is of no use to go on; what came is stored.
        DiskFull: there is no room for more; what came is stored.
        BadOption: an option cannot be used.
        Busy: another process asks this teacher for this pool.
    """
    opened = open_pool(pool)
    text = load_prompt(prompt)
    asked = Asked(kind.task, teacher, revision, text.name, text.hash, sampling)
    path = store_path(opened.folder, kind.task, teacher)
    if endpoint is None and not path.exists():
        raise BadOption(f"--no-ask: no reply of '{teacher}' is stored in {pool}")
    with contextlib.closing(Store(path)) as store:
        how, count, finished = "not asked", 0, 0
        if endpoint is not None:
            with only_writer(path):
                number = store.id_of(asked)
                wanted = kind.missing(opened, store, number, teacher, samples=samples, again=again)
                count = wanted.total
                on_missing(count)
                how, finished = ask_for_all(
                    jobs(opened, wanted, text),
                    count,
                    asked=asked,
                    store=store,
                    endpoint=endpoint,
                    budget=Budget(
                        store.spent(),
                        allowance.prices,
                        tokens=allowance.tokens,
                        usd=allowance.usd,
                    ),
                    limits=limits,
                    read=kind.reader(teacher),
                    watcher=watcher,
                )
        if how == INTERRUPTED:
            raise KeyboardInterrupt
        written = None
        if how != "stopped":
            source = kind.source(opened, store, teacher)
            written = import_source(source, pool, tokenizer=tokenizer, progress=progress)
            with only_writer(opened.folder):
                enter(opened.folder, store)
        return GenerateReport(how, count, finished, describe_store(store), written)
