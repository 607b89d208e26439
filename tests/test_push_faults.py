"""Whatever happens on the way, the Hub shows the old release or the new one, whole."""

import os
import signal
import threading
from pathlib import Path

import pytest
from hub_protocol import Fault
from hub_world import World, files_of, whole

Releases = tuple[Path, Path]

READ = ("whoami", "refs", "tree", "resolve")
WRITTEN = ("validate", "preupload", "batch", "blob_put", "verify", "commit", "tag")
ROUTES = READ + WRITTEN


@pytest.fixture
def first(world: World, releases: Releases) -> World:
    """A Hub that shows the first release; the second is about to be published."""
    assert world.nt("push", releases[0], "ORG/nt", "--tag", "v1.0.0", "--accept-findings").code == 0
    world.hub.received.clear()
    return world


def second(releases: Releases) -> tuple[object, ...]:
    return ("push", releases[1], "ORG/nt", "--tag", "v1.1.0", "--accept-findings")


def shows(world: World, *, new: bool | None = None) -> None:
    """Everything that is shown is whole, and the first release is where it was."""
    seeds = {True: (1,), False: (0,), None: (0, 1)}[new]
    assert whole(world, "main", lambda m: m["seed"] in seeds)
    assert whole(world, "v1.0.0", lambda m: m["seed"] == 0)
    if "v1.1.0" in world.hub.repo().tags:
        assert whole(world, "v1.1.0", lambda m: m["seed"] == 1)


def finished(world: World, releases: Releases) -> None:
    """The second release is there, by one commit, and no blob came twice."""
    shows(world, new=True)
    repo = world.hub.repo()
    assert repo.tags["v1.1.0"] == repo.branches["main"]
    messages = [commit.message for commit in repo.history()]
    assert messages == ["Release v1.1.0", "Release v1.0.0", "initial commit"]
    assert sorted(world.hub.received) == sorted(set(world.hub.received))
    assert len(world.hub.received) == len(files_of(releases[1]))


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "how", [429, pytest.param(500, marks=SLOW), pytest.param(503, marks=SLOW), "cut"]
)
def test_every_endpoint_fails_once(first: World, releases: Releases, how: int | str) -> None:
    first.hub.faults += [Fault(route, how) for route in ROUTES]
    ran = first.nt(*second(releases))
    assert ran.code == 0, ran.err
    assert not any(fault.times for fault in first.hub.faults)
    finished(first, releases)


@pytest.mark.parametrize("how", [429, 500, "cut"])
@pytest.mark.parametrize("route", [*ROUTES, "create"])
@pytest.mark.slow
def test_an_endpoint_fails_for_good(
    world: World, releases: Releases, route: str, how: int | str
) -> None:
    if route != "create":
        world.nt("push", releases[0], "ORG/nt", "--tag", "v1.0.0", "--accept-findings")
        world.hub.received.clear()
    world.hub.faults.append(Fault(route, how, times=1000))
    ran = world.nt(*second(releases))
    assert ran.code == 2, ran
    assert len(ran.err.splitlines()) == 1
    world.hub.faults.clear()
    if route == "create":
        assert world.hub.repos == {}
        return
    shows(world, new=None if route == "tag" else False)
    assert world.nt(*second(releases)).code == 0
    finished(world, releases)


@pytest.mark.parametrize("route", ["commit", "tag"])
def test_commit_or_tag_fails_for_good(first: World, releases: Releases, route: str) -> None:
    first.hub.faults.append(Fault(route, 503, times=1000))
    error = first.nt(*second(releases)).error
    assert "the Hub answered 503, again and again" in error
    shows(first, new=route == "tag")
    assert list(first.hub.repo().tags) == ["v1.0.0"]
    first.hub.faults.clear()
    assert first.nt(*second(releases)).code == 0
    finished(first, releases)


@pytest.mark.parametrize(
    "route",
    [
        *(pytest.param(route, marks=SLOW) for route in ("preupload", "batch", "verify")),
        "blob_put",
        "commit",
        "tag",
        "create",
    ],
)
def test_an_answer_is_lost(world: World, releases: Releases, route: str) -> None:
    if route != "create":
        world.nt("push", releases[0], "ORG/nt", "--tag", "v1.0.0", "--accept-findings")
        world.hub.received.clear()
    world.hub.faults.append(Fault(route, "lost"))
    ran = world.nt(*second(releases))
    assert ran.code == 0, ran.err
    if route == "create":
        assert whole(world, "v1.1.0", lambda m: m["seed"] == 1)
        assert len(world.hub.repo().history()) == 2
    elif route == "blob_put":
        # The client cannot know that it arrived, and sends it again at once.
        assert len(world.hub.received) == len(set(world.hub.received)) + 1
    else:
        finished(world, releases)


def test_every_answer_to_the_tag_is_lost(first: World, releases: Releases) -> None:
    first.hub.faults += [Fault("tag", "lost"), Fault("refs", 500, times=1, skip=1)]
    assert first.nt(*second(releases)).code == 0
    finished(first, releases)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_killed_after_some_blobs(first: World, releases: Releases, n: int) -> None:
    started = threading.Event()
    pids: list[int] = []

    def kill(count: int) -> None:
        started.wait()
        if count == n:
            os.kill(pids[0], signal.SIGKILL)

    first.hub.after_blob = kill
    process = first.start(*second(releases))
    pids.append(process.pid)
    started.set()
    assert first.wait(process).code == -signal.SIGKILL
    first.hub.after_blob = lambda count: None
    shows(first, new=False)
    assert n <= len(first.hub.received) <= len(files_of(releases[1]))
    assert first.nt(*second(releases)).code == 0
    finished(first, releases)


@pytest.mark.parametrize("route", ["before the commit", "commit", "tag"])
def test_killed_later(first: World, releases: Releases, route: str) -> None:
    process = first.start(*second(releases))

    def kill() -> None:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    if route == "before the commit":
        first.hub.before_commit = lambda: kill()
    else:
        first.hub.after = {route: kill}
    assert first.wait(process).code == -signal.SIGKILL
    first.hub.before_commit = lambda: None
    first.hub.after = {}
    shows(first, new=None if route == "before the commit" else True)
    assert first.nt(*second(releases)).code == 0
    finished(first, releases)


def test_two_people_publish_the_same_at_once(first: World, releases: Releases) -> None:
    both = threading.Barrier(2)

    def meet() -> None:
        if not both.broken:
            both.wait(30)

    first.hub.before_commit = meet
    processes = [first.start(*second(releases)) for _ in range(2)]
    ran = [first.wait(process) for process in processes]
    assert [one.code for one in ran] == [0, 0], ran
    shows(first, new=True)
    messages = [commit.message for commit in first.hub.repo().history()]
    assert messages == ["Release v1.1.0", "Release v1.0.0", "initial commit"]


def test_two_people_publish_different_things_at_once(world: World, releases: Releases) -> None:
    world.nt("push", releases[0], "ORG/nt", "--tag", "v0.1.0", "--accept-findings")
    both = threading.Barrier(2)

    def meet() -> None:
        if not both.broken:
            both.wait(30)
            both.abort()

    world.hub.before_commit = meet
    words = [
        ("push", releases[1], "ORG/nt", "--tag", tag, "--accept-findings", "--language", language)
        for tag, language in (("v1.0.0", "en"), ("v2.0.0", "de"))
    ]
    ran = [world.wait(process) for process in [world.start(*one) for one in words]]
    assert sorted(one.code for one in ran) == [0, 2]
    (lost,) = [one for one in ran if one.code]
    assert "somebody else changed it meanwhile" in lost.error
    (won,) = set(world.hub.repo().tags) - {"v0.1.0"}
    for revision in ("main", won):
        assert whole(world, revision, lambda m: m["published"]["tag"] == won)
    world.hub.before_commit = lambda: None
    assert [world.nt(*one).code for one in words] == [0, 0]
    assert set(world.hub.repo().tags) == {"v0.1.0", "v1.0.0", "v2.0.0"}


def test_two_people_use_one_tag(first: World, releases: Releases) -> None:
    def another() -> None:
        first.hub.before_commit = lambda: None
        repo = first.hub.repo()
        repo.tags["v1.1.0"] = repo.tags["v1.0.0"]

    first.hub.before_commit = another
    error = first.nt(*second(releases)).error
    assert "ORG/nt@v1.1.0: somebody else has published other contents under it" in error
    assert whole(first, "v1.1.0", lambda m: m["seed"] == 0)
    assert whole(first, "main", lambda m: m["seed"] == 1)


def test_the_token_loses_its_right_on_the_way(first: World, releases: Releases) -> None:
    def expire() -> None:
        first.hub.users[first.token]["orgs"]["ORG"] = "read"

    first.hub.after_blob = lambda count: expire()
    assert "the token may not do this" in first.nt(*second(releases)).error
    shows(first, new=False)
    first.hub.users[first.token]["orgs"]["ORG"] = "write"
    first.hub.after_blob = lambda count: None
    assert first.nt(*second(releases)).code == 0
    finished(first, releases)
