"""A run from beginning to end: its lock, its connections, its signals.

The first Ctrl-C, and SIGTERM, let what is on its way arrive; the second Ctrl-C does not wait.
"""

import asyncio
import contextlib
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from builders.endpoints import Asked, Job, Read
from builders.endpoints.asking import Asking, Ended, Limits
from builders.endpoints.budget import Budget
from builders.endpoints.client import Flavor, SchemaForm, Timeouts, opened
from builders.endpoints.pace import Pace
from builders.endpoints.saving import Outcome, Signs, Writer, check_room
from builders.endpoints.store import Store

INTERRUPTED = "interrupted"


class Endpoint(NamedTuple):
    """Where a model is served: base URLs with their keys, and how to talk to it."""

    keys: dict[str, str | None]
    flavor: Flavor = "openai"
    stream: bool = False
    timeouts: Timeouts = Timeouts()
    schema_form: SchemaForm = "openai"


class Watcher(NamedTuple):
    """What a run tells meanwhile: each outcome, and how many replies it waits for at its end."""

    on_done: Callable[[Outcome], None] = lambda outcome: None
    on_stopping: Callable[[int], None] = lambda in_flight: None


def ask_for_all(
    jobs: Iterator[Job],
    missing: int,
    *,
    asked: Asked,
    store: Store,
    endpoint: Endpoint,
    budget: Budget,
    limits: Limits,
    read: Read,
    watcher: Watcher,
) -> Ended:
    """Ask for all jobs, store every reply, and note in the store that a run goes on.

    Args:
        jobs: in the order in which they are asked.
        missing: how many there are.
        asked: what they have in common.
        store: of the model's replies; whoever calls this holds its lock.
        endpoint: where to ask.
        budget: what may be spent.
        limits: how hard to try.
        read: judges each reply.
        watcher: is told how it goes.

    Raises:
        EndpointError: it is of no use to go on; what came is stored.
        DiskFull: there is no room for more replies; what came is stored.
    """
    check_room(store.path.parent, 0)
    number = store.id_of(asked)
    run = store.begin_run(number, missing, budget.prices)
    how = "failed"
    try:
        ended = asyncio.run(
            _run(
                jobs,
                asked,
                endpoint,
                limits,
                watcher,
                writer_of=lambda signs: Writer(store.path, asked=number, run=run, signs=signs),
                budget=budget,
                read=read,
            )
        )
        how = ended.how
    except asyncio.CancelledError:  # Ctrl-C, for the second time
        how = INTERRUPTED
        raise KeyboardInterrupt from None
    finally:
        with contextlib.suppress(sqlite3.Error):  # a full disk; what stopped the run says so
            store.end_run(run, how)
    return ended


async def _run(
    jobs: Iterator[Job],
    asked: Asked,
    endpoint: Endpoint,
    limits: Limits,
    watcher: Watcher,
    *,
    writer_of: Callable[[Callable[[], Signs]], Writer],
    budget: Budget,
    read: Read,
) -> Ended:
    pace = Pace(list(endpoint.keys), limits.concurrency)
    writer = writer_of(lambda: Signs(pace.in_flight, pace.troubles))
    try:
        async with opened(
            endpoint.keys,
            flavor=endpoint.flavor,
            stream=endpoint.stream,
            timeouts=endpoint.timeouts,
            most=limits.concurrency,
            schema_form=endpoint.schema_form,
        ) as client:
            asking = Asking(
                asked,
                client=client,
                pace=pace,
                writer=writer,
                budget=budget,
                read=read,
                limits=limits,
                on_done=watcher.on_done,
            )
            task = asyncio.create_task(asking.run(jobs))
            with _signals(asking, pace, task, watcher):
                return await task
    finally:
        await writer.close()


@contextlib.contextmanager
def _signals(
    asking: Asking, pace: Pace, task: asyncio.Task[Ended], watcher: Watcher
) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run, not the process, while this is open."""
    if threading.current_thread() is not threading.main_thread():  # signals go elsewhere
        yield
        return
    loop = asyncio.get_running_loop()
    presses = 0

    def interrupt() -> None:
        nonlocal presses
        presses += 1
        if presses > 1:
            task.cancel()
            return
        asking.stop(INTERRUPTED)
        watcher.on_stopping(pace.in_flight)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGTERM, lambda: asking.stop("stopped"))
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
