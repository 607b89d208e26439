"""The loop: many jobs at once, each until it has a reply or a reason.

Who pays for a trouble depends on whose it is. A host that says 429, or that is gone, is left alone
for a while, and the job is sent again as if nothing had been: an hour of 429s uses up nobody's
tries. A time-out, a broken reply, a refusal are the job's own; it has so many tries. A wrong key or
an unknown model ends the run, after the replies that are on their way have been stored.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from builders.endpoints import FAILURES, FINAL, ONCE_MORE, Asked, Job, Read, Reply, Verdict
from builders.endpoints.budget import Budget, Spent, most_of
from builders.endpoints.client import Client, Trouble
from builders.endpoints.pace import Closed, Host, Pace
from builders.endpoints.replies import NotAReply, read_reply
from builders.endpoints.saving import Outcome, Writer, check_room
from builders.errors import EndpointError, NTError

IN_A_ROW = 20
"""So many failures one after another, or so many first replies without reasoning: then it is not
the questions, and the run ends. Ours."""

_BACK_OFF, _LONGEST = 0.5, 30.0  # seconds before a job's second try, and the most before any
_LOOK = 1.0  # seconds between two looks at whether to stop
_LOOK_AT_DISK = 200  # replies


ALL_FAILED = "all failed"
"""How a run ended in which no request had a reply."""


class Limits(NamedTuple):
    """How hard to try: requests at once, tries for each job, and seconds that hosts may be gone."""

    concurrency: int = 64
    tries: int = 5
    patience: float = 600.0


class Ended(NamedTuple):
    """How a run ended: "finished", "stopped", "budget" or `ALL_FAILED`, and how many jobs ended."""

    how: str
    jobs: int


class Asking:
    """One run over all jobs; `run` it once."""

    def __init__(
        self,
        asked: Asked,
        *,
        client: Client,
        pace: Pace,
        writer: Writer,
        budget: Budget,
        read: Read,
        limits: Limits,
        on_done: Callable[[Outcome], None],
    ) -> None:
        self._asked = asked
        self._client = client
        self._pace = pace
        self._writer = writer
        self._budget = budget
        self._read = read
        self._limits = limits
        self._on_done = on_done
        self._random = Random()  # only waits are drawn from it
        self._how = "finished"
        self._error: NTError | None = None
        self._ending = asyncio.Event()
        self._settled = asyncio.Event()
        self._jobs_begun = self._jobs_done = 0
        self._all_begun = False
        self._failed_in_a_row = 0
        self._without_reasoning: int | None = 0

    async def run(self, jobs: Iterator[Job]) -> Ended:
        """Ask for all of them.

        Raises:
            EndpointError: it is of no use to go on; what came is stored.
            DiskFull: there is no room for more replies; what came is stored.
        """
        watch = asyncio.create_task(self._watch())
        try:
            workers = (self._work(jobs) for _ in range(self._limits.concurrency))
            ends = await asyncio.gather(*workers, return_exceptions=True)
        finally:
            watch.cancel()
        for bug in filter(None, ends):  # raised after the others have stored what they wait for
            raise bug
        # The last questions may be those that a server cannot answer, however long one waits.
        is_last = self._how == "gone" and self._jobs_done == self._jobs_begun and not any(jobs)
        if self._error and not is_last:
            raise self._error
        how = "finished" if is_last else self._how
        if how == "finished" and 0 < self._jobs_done == self._failed_in_a_row:
            how = ALL_FAILED
        return Ended(how, self._jobs_done)

    def stop(self, how: str = "stopped", error: NTError | None = None) -> None:
        """Send nothing more; what is on its way is waited for, and stored."""
        if not self._ending.is_set():
            self._how, self._error = how, error
            self._ending.set()
            self._settled.set()
            self._pace.close()

    async def _watch(self) -> None:
        """Stop when another process asks for it, or when no host has answered for too long."""
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._writer.stop_asked.wait(), _LOOK)
            if self._writer.stop_asked.is_set():
                self.stop()
            now = asyncio.get_running_loop().time()
            gone = [host.gone_since for host in self._pace.hosts]
            if all(since and now - since > self._limits.patience for since in gone):
                self.stop(
                    "gone",
                    EndpointError(
                        f"no answer for {self._limits.patience:g} s from {self._pace.troubles}; "
                        "every reply that came is stored, and the same command goes on; with "
                        "--no-ask it writes what is stored"
                    ),
                )

    async def _work(self, jobs: Iterator[Job]) -> None:
        error: NTError | None = None
        how = "failed"
        try:
            while not self._ending.is_set():
                job = next(jobs, None)
                if job is None:
                    self._all_begun = True
                    break
                self._jobs_begun += 1
                while job and not self._ending.is_set():
                    outcome, job = await self._outcome(job)
                    if outcome:
                        await self._writer.save(outcome)
                        self._count(outcome)
            how = "finished"
        except NTError as caught:  # of the store, or of the pool that the jobs are read from
            error = caught
        finally:
            if how == "failed":  # it is no use for the others to begin anything
                self.stop(how, error)

    def _count(self, outcome: Outcome) -> None:
        if outcome.outcome == ONCE_MORE:
            return
        self._jobs_done += 1
        self._on_done(outcome)
        if outcome.outcome not in FAILURES:
            self._failed_in_a_row = 0
        else:
            self._failed_in_a_row += 1
        if self._failed_in_a_row >= IN_A_ROW and not self._all_begun:
            self.stop(
                "failed",
                EndpointError(
                    f"the last {IN_A_ROW} requests failed, in the end with: {outcome.outcome} "
                    f"({outcome.detail}); every reply that came is stored"
                    + ("; to ask these again: --again" if outcome.outcome in FINAL else "")
                ),
            )
        self._look_for_reasoning(outcome.outcome)
        if self._jobs_done % _LOOK_AT_DISK == 0:
            check_room(self._writer.path.parent, self._pace.in_flight)

    def _look_for_reasoning(self, outcome: str) -> None:
        """A server that drops the thinking would be paid for nothing, a million times."""
        if self._without_reasoning is None:
            return
        if outcome == "no_reasoning":
            self._without_reasoning += 1
        elif outcome not in FAILURES:
            self._without_reasoning = None
        if self._without_reasoning == IN_A_ROW:
            self.stop(
                "failed",
                EndpointError(
                    f"the first {IN_A_ROW} replies have no reasoning: either "
                    f"'{self._asked.model}' does not think before it answers (--prompt think-tags "
                    "asks it to), or the server drops it (vLLM: --reasoning-parser)"
                ),
            )

    async def _outcome(self, job: Job) -> tuple[Outcome | None, Job | None]:
        """Ask until there is a reply or no try is left; None where the run ends before.

        The job that comes with it asks for the same once more.
        """
        most = most_of(job.messages, self._asked.sampling.max_tokens)
        spent = Spent()
        attempts = tries = 0
        trouble: Trouble | None = None
        while True:
            try:
                host = await self._host(most)
            except Closed:
                break
            sent = asyncio.get_running_loop().time()
            attempts += 1
            cost = Spent(0, 0, *most[:2])  # what it costs if this is left by an interrupt
            body = None
            try:
                body = await self._client.ask(host.url, self._asked, job)
                reply = read_reply(body)
                cost = _cost(reply, most)
                verdict = self._verdict(job, reply)
                now = asyncio.get_running_loop().time()
                host.succeeded((now - sent) / max(cost.completion, 1), now)
                trouble = None
            except (Trouble, NotAReply) as error:
                trouble = error if isinstance(error, Trouble) else _broken(error)
                if not trouble.paid:
                    cost = Spent()
                self._blame(host, trouble, sent)
            except asyncio.CancelledError:  # the second Ctrl-C: it will be paid for all the same
                left = Trouble("cut_off", "job", "not waited for", paid=True)
                await self._writer.save(_failed(job, left, spent.plus(cost), attempts))
                raise
            finally:
                self._budget.settle(most, cost)
                self._settled.set()
                self._pace.release(host)
            spent = spent.plus(cost)
            if trouble is None:
                said = (verdict.outcome, body, spent, attempts, now - sent, verdict.row_id)
                return Outcome(job.subject, job.sample, *said, verdict.detail), verdict.then
            if trouble.whose == "run":
                break
            if trouble.whose == "job":
                tries += 1
                if tries >= self._limits.tries or trouble.reason in FINAL:
                    return _failed(job, trouble, spent, attempts)._replace(body=body), None
                await self._back_off(tries, trouble.wait)
        # The run ends before the job does: noted if something may have been paid for, or if nothing
        # but errors came for as long as we wait.
        is_error = self._how == "gone" and trouble and trouble.reason == "server_error"
        noted = trouble and (any(spent) or is_error)
        return _failed(job, trouble, spent, attempts) if trouble and noted else None, None

    async def _host(self, most: Spent) -> Host:
        """A host that has room, and the money for it."""
        while not self._budget.fits(most):
            if self._budget.nothing_reserved:
                self.stop("budget")
            if self._ending.is_set():
                raise Closed
            self._settled.clear()
            await self._settled.wait()
        self._budget.reserve(most)
        try:
            return await self._pace.host()
        except BaseException:
            self._budget.settle(most, Spent())
            self._settled.set()
            raise

    def _verdict(self, job: Job, reply: Reply) -> Verdict:
        if reply.finish_reason == "content_filter":
            raise Trouble("filtered", "job", "stopped by the server's filter", paid=True)
        if reply.finish_reason in ("abort", "error"):  # vLLM, OpenRouter
            raise Trouble("cut_off", "job", f"ended with '{reply.finish_reason}'", paid=True)
        is_empty = not (reply.answer.strip() or (reply.reasoning or "").strip())
        if is_empty and reply.finish_reason != "length":
            raise Trouble("empty_reply", "job", "the reply has no text", paid=True)
        return self._read(job, reply)

    def _blame(self, host: Host, trouble: Trouble, sent: float) -> None:
        now = asyncio.get_running_loop().time()
        host.trouble = str(trouble)
        if trouble.reason == "server_error" and host.failed():  # a try of the job's all the same
            host.gone(sent, now, trouble.wait, self._random)
        elif trouble.reason == "too_much":
            host.too_much(sent, now, trouble.wait, self._random)
        elif trouble.reason == "gone":
            host.gone(sent, now, trouble.wait, self._random)
        elif trouble.reason == "timed_out":
            host.timed_out(sent, now)
        elif trouble.whose == "run":
            self.stop("failed", EndpointError(f"{host.url}: {trouble}"))
        elif trouble.reason not in ("server_error", "cut_off"):
            host.answered()

    async def _back_off(self, tries: int, wait: float | None) -> None:
        if wait is None:
            wait = min(_LONGEST, _BACK_OFF * 2 ** (tries - 1)) * self._random.uniform(0.5, 1.0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), wait)


def _failed(job: Job, trouble: Trouble, spent: Spent, attempts: int) -> Outcome:
    reason = trouble.reason if trouble.reason in FAILURES else "cut_off"
    return Outcome(job.subject, job.sample, reason, None, spent, attempts, 0.0, detail=str(trouble))


def _broken(error: NotAReply) -> Trouble:
    return Trouble("broken_reply", "job", f"what it answers is no reply: {error}", paid=True)


def _cost(reply: Reply, most: Spent) -> Spent:
    """What a reply cost; where the server does not tell, the most that it can have cost."""
    written = len((reply.reasoning or "").encode(errors="replace"))
    written += len(reply.answer.encode(errors="replace"))
    return Spent(
        most.prompt if reply.prompt_tokens is None else reply.prompt_tokens,
        min(written, most.completion)
        if reply.completion_tokens is None
        else reply.completion_tokens,
    )
