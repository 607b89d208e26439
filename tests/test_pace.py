import asyncio
from random import Random

import pytest

from builders.endpoints.pace import FIRST, Closed, Host, Pace


def test_it_doubles_until_it_is_too_much_and_then_rises_by_one_a_round() -> None:
    host = Host("a", 512)
    for _ in range(FIRST):
        host.succeeded(0.01, 0)
    assert host.limit == 2 * FIRST
    host.too_much(1, 1, None, Random(0))
    assert host.limit == FIRST
    for _ in range(FIRST):
        host.succeeded(0.01, 2)
    assert FIRST + 0.9 < host.limit < FIRST + 1.1


def test_it_never_exceeds_the_most() -> None:
    host = Host("a", 20)
    for _ in range(100):
        host.succeeded(0.01, 0)
    assert host.limit == 20
    assert Host("a", 3).limit == 3


def test_one_storm_counts_once() -> None:
    host = Host("a", 64)
    for _ in range(48):
        host.succeeded(0.01, 0)
    assert host.limit == 64
    for _ in range(64):  # all were sent before the first answer came
        host.too_much(1.0, 2.0, None, Random(0))
    assert host.limit == 32
    host.too_much(3.0, 4.0, None, Random(0))
    assert host.limit == 16
    for moment in range(5, 30):
        host.too_much(moment, moment, None, Random(0))
    assert host.limit == 1


def test_a_pause_is_as_long_as_it_is_told_and_else_doubles() -> None:
    host = Host("a", 64)
    host.too_much(1, 1, 7.5, Random(0))
    assert host.paused_until == 8.5
    assert host.room(8.4) == 0
    assert host.room(8.6) >= 1
    lengths = []
    now = 100.0
    for _ in range(10):
        host.too_much(now, now, None, Random(0))
        lengths.append(host.paused_until - now)
        now = host.paused_until + 1
    assert all(0.25 * 2**n <= length <= 0.5 * 2**n for n, length in enumerate(lengths[:7]))
    assert max(lengths) <= 60
    host.succeeded(0.01, now)
    host.too_much(now, now, None, Random(0))
    assert host.paused_until - now <= 0.5


def test_slow_replies_make_it_fewer() -> None:
    host = Host("a", 64)
    for _ in range(200):
        host.succeeded(0.01, 0)
    for _ in range(200):
        host.succeeded(0.03, 1)  # what a fuller server does
    assert host.limit == 64
    for _ in range(64):
        host.succeeded(0.05, 2)
    assert 64 * 0.7 < host.limit < 64


def test_a_host_that_is_gone_is_tried_with_one_request() -> None:
    host = Host("a", 64)
    host.gone(1, 1, None, Random(0))
    assert (host.limit, host.gone_since) == (1, 1)
    host.gone(5, 5, None, Random(0))
    assert host.gone_since == 1
    host.succeeded(0.01, 9)
    host.succeeded(0.01, 9)
    assert (host.limit, host.gone_since) == (3, None)


def test_a_host_that_says_429_is_not_gone() -> None:
    host = Host("a", 64)
    host.gone(1, 1, None, Random(0))
    host.too_much(5, 5, 60, Random(0))
    assert host.gone_since is None


def test_hosts_get_what_they_have_room_for_and_all_together_no_more_than_the_most() -> None:
    async def run() -> None:
        pace = Pace(["a", "b"], 20)
        got = [await pace.host() for _ in range(20)]
        assert [host.in_flight for host in pace.hosts] == [10, 10]
        waiting = asyncio.create_task(pace.host())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        pace.hosts[0].too_much(1e9, asyncio.get_running_loop().time(), 60, Random(0))
        pace.release(got[0])
        assert (await waiting).url == "b"  # the other one asked to be left alone

        left = asyncio.create_task(pace.host())
        await asyncio.sleep(0.01)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        late = asyncio.create_task(pace.host())
        await asyncio.sleep(0.01)
        pace.close()
        with pytest.raises(Closed):
            await late
        with pytest.raises(Closed):
            await pace.host()

    asyncio.run(run())


def test_a_pause_ends_by_itself() -> None:
    async def run() -> None:
        pace = Pace(["a"], 4)
        now = asyncio.get_running_loop().time()
        pace.hosts[0].too_much(now, now, 0.05, Random(0))
        await asyncio.wait_for(pace.host(), 2)
        assert asyncio.get_running_loop().time() - now >= 0.05

    asyncio.run(run())
