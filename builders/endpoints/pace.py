"""How many requests a host gets at once: additive increase, multiplicative decrease.

A host begins with a few requests and gets one more for each that succeeds, until it first says
that this is too much; from then on one more for each round of successes. A 429, a time-out, or
replies that take four times as long per token as they did at best make it fewer. A host that asks
to be left alone, or that is gone, is paused as a whole: no request pays for finding that out.

All numbers here are our choice. The shape is TCP's.
"""

import asyncio
import statistics
from collections import deque
from collections.abc import Sequence
from random import Random

FIRST = 16
"""Requests at once that a host begins with."""

_HALF = 0.5
_SLOWER = 0.8
_TOO_SLOW = 4.0
_FORGET = 1.01  # the best time rises by this for each round, so that a lucky one is not for ever
_ERRORS = 10  # in a row, of any requests: then it is the host
_PAUSE, _LONGEST_PAUSE = 0.5, 60.0  # seconds, doubled for each failure in a row


class Host:
    """One base URL: how much it may get, has, and when it may be asked again."""

    def __init__(self, url: str, most: int) -> None:
        self.url = url
        self.most = float(most)
        self.limit = float(min(FIRST, most))
        self.in_flight = 0
        self.paused_until = 0.0
        self.gone_since: float | None = None
        self.trouble = ""  # what it said last, until it gives a reply again
        self._starting = True
        self._fewer_since = 0.0
        self._pauses = 0
        self._times: list[float] = []
        self._best: float | None = None
        self._errors = 0

    def room(self, now: float) -> float:
        """How many more requests it may get."""
        return 0.0 if now < self.paused_until else self.limit - self.in_flight

    def succeeded(self, per_token: float, now: float) -> None:
        """A reply came; it took so long for each of its tokens."""
        self.answered()
        self._times.append(per_token)
        if len(self._times) >= max(FIRST, self.limit) and self._is_slow():
            self._fewer(_SLOWER, now)
        elif self._starting:
            self.limit += 1
        else:
            self.limit += 1 / self.limit
        self.limit = min(self.limit, self.most)

    def answered(self) -> None:
        """It is there, whatever it said."""
        self._pauses = self._errors = 0
        self.gone_since = None
        self.trouble = ""

    def _is_slow(self) -> bool:
        median = statistics.median(self._times)
        self._times.clear()
        if self._best is None or median < self._best:
            self._best = median
        else:
            self._best *= _FORGET
        return median > _TOO_SLOW * self._best

    def too_much(self, sent: float, now: float, wait: float | None, random: Random) -> None:
        """It said 429, so it is there: fewer, and a pause as long as it asks for."""
        self.gone_since = None
        if sent >= self._fewer_since:  # one storm counts once: the others were sent before it
            self._fewer(_HALF, now)
        self._pause(wait, now, random)

    def timed_out(self, sent: float, now: float) -> None:
        """No reply in time: somewhat fewer, without a pause."""
        if sent >= self._fewer_since:
            self._fewer(_SLOWER, now)

    def gone(self, sent: float, now: float, wait: float | None, random: Random) -> None:
        """It cannot be reached, or says 502, 503 or 504: ask one request at a time until it can."""
        if self.gone_since is None:
            self.gone_since = now
        if sent >= self._fewer_since:
            self.limit = 1.0
            self._starting = True  # it may be back as it was
            self._fewer_since = now
            self._pause(wait, now, random)

    def failed(self) -> bool:
        """It answered with an error. Whether it does nothing else, and so is as good as gone."""
        self._errors += 1
        return self._errors > _ERRORS

    def _fewer(self, factor: float, now: float) -> None:
        self.limit = max(1.0, self.limit * factor)
        self._starting = False
        self._fewer_since = now

    def _pause(self, wait: float | None, now: float, random: Random) -> None:
        if wait is None:
            if now < self.paused_until:
                return
            self._pauses += 1
            wait = min(_LONGEST_PAUSE, _PAUSE * 2 ** (self._pauses - 1))
            wait *= random.uniform(0.5, 1.0)  # several processes must not come back together
        self.paused_until = max(self.paused_until, now + wait)
        self._fewer_since = max(self._fewer_since, now)


class Closed(Exception):
    """The run ends: no more requests."""


class Pace:
    """Gives each request a host that has room, first come, first served."""

    def __init__(self, urls: Sequence[str], most: int) -> None:
        self.hosts = [Host(url, most) for url in urls]
        self._most = most
        self._waiting: deque[asyncio.Future[Host]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Requests at all hosts together."""
        return sum(host.in_flight for host in self.hosts)

    @property
    def troubles(self) -> str:
        """The hosts that are in trouble, and with what."""
        return "; ".join(f"{host.url} ({host.trouble})" for host in self.hosts if host.trouble)

    async def host(self) -> Host:
        """Wait for a host with room; whoever gets it must `release` it.

        Raises:
            Closed: there will be none.
        """
        if self._closed:
            raise Closed
        future: asyncio.Future[Host] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._deal()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.release(future.result())
            raise

    def release(self, host: Host) -> None:
        """Give it back, after telling it how it went."""
        host.in_flight -= 1
        self._deal()

    def close(self) -> None:
        """Give nobody a host any more."""
        self._closed = True
        for future in self._waiting:
            if not future.done():
                future.set_exception(Closed())
        self._waiting.clear()
        if self._timer:
            self._timer.cancel()

    def _deal(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting and self.in_flight < self._most:
            host = max(self.hosts, key=lambda one: one.room(now))
            if host.room(now) < 1:
                break
            future = self._waiting.popleft()
            if not future.done():
                host.in_flight += 1
                future.set_result(host)
        paused = [host.paused_until for host in self.hosts if host.paused_until > now]
        if self._waiting and paused:
            if self._timer:
                self._timer.cancel()
            self._timer = loop.call_at(min(paused) + 0.001, self._deal)
