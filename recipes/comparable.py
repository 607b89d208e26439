"""May these runs be compared? The same prompts, data and generation limits, and common samples.

error: think of gpqa_diamond was prompted differently in random-10k (4f1e…) and disagree-10k
(9c07…); evaluate them alike, or compare them all the same: --allow prompts
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from paired import Pair, pair
from preflight import Stop
from results import MODES
from tallies import Place, Scored

ALLOW = ("prompts", "data", "limits")
"""What may differ when it is asked for, and never silently."""


class Unlike(NamedTuple):
    """What two runs do not have alike: which kind of thing, in words, and both values."""

    kind: str
    what: str
    one: str
    other: str


class Compared(NamedTuple):
    """Two runs in one benchmark and mode, on the samples that they share."""

    place: Place
    first: Scored
    second: Scored
    pair: Pair


def select(
    runs: list[Scored], *, benchmarks: Collection[str] = (), modes: Collection[str] = ()
) -> list[Scored]:
    """The runs with these benchmarks and modes alone; `demo` means all whose name starts so.

    Raises:
        Stop: no run has any sample of what was asked for.
    """
    there = {place for run in runs for place in run.tallies}

    def wanted(place: Place) -> bool:
        benchmark, mode = place
        names = (benchmark, benchmark.partition("_")[0])
        return (not benchmarks or any(name in benchmarks for name in names)) and (
            not modes or mode in modes
        )

    if not any(map(wanted, there)):
        asked = " and ".join(filter(None, (", ".join(benchmarks), ", ".join(modes))))
        has = ", ".join(sorted({benchmark for benchmark, _ in there}))
        raise Stop(f"no run has samples of {asked}; there are: {has}")
    return [
        run._replace(tallies={at: tally for at, tally in run.tallies.items() if wanted(at)})
        for run in runs
    ]


def check(runs: list[Scored], *, allow: Collection[str] = ()) -> list[str]:
    """Whether runs may stand in one table, and what differs between them all the same.

    Raises:
        Stop: they were asked different things, and that was not allowed.
    """
    notes: list[str] = []
    for first, second in combinations(runs, 2):
        for found in _unlike(first, second):
            told = f"{found.what}: {found.one} in {first.name}, {found.other} in {second.name}"
            if found.kind not in allow:
                raise Stop(
                    f"{told}; evaluate them alike, or compare them all the same: "
                    f"--allow {found.kind}"
                )
            notes.append(f"{told}. A difference may come from that, and not from the student.")
    notes += [
        f"{what} of {first.name} and {second.name} differ: {one}; {other}."
        for first, second in combinations(runs, 2)
        for what, one, other in _loosely_unlike(first, second)
    ]
    return notes


def line_up(runs: list[Scored], *, against: str | None = None) -> tuple[list[Compared], list[str]]:
    """All pairs of runs, or those with one of them, and what they do not share.

    Raises:
        Stop: two runs have a benchmark and mode in common, but no seed or question of it; or no
            pair has anything in common; or no run is called so.
    """
    pairs = list(combinations(runs, 2))
    if against is not None:
        called = [
            run for run in runs if against == run.name or Path(against).resolve() == run.folder
        ]
        if not called:
            names = ", ".join(run.name for run in runs)
            raise Stop(f"no run is called {against!r}; they are: {names}")
        base = called[0]
        pairs = [(base, run) for run in runs if run is not base]
    compared: list[Compared] = []
    notes: list[str] = []
    for first, second in pairs:
        common = [place for place in first.tallies if place in second.tallies]
        for place in common:
            compared.append(_compare(place, first, second))
            notes += _left_out(compared[-1])
    if pairs and not compared:
        raise Stop("the runs have no benchmark in common that was asked in the same mode")
    compared.sort(key=lambda one: (one.place[0], MODES.index(one.place[1])))  # stable
    return compared, list(dict.fromkeys(notes))


def settings(run: Scored, benchmark: str) -> dict[str, Any]:
    """What the record of a run says of a benchmark.

    Raises:
        Stop: nothing.
    """
    benchmarks = run.record["benchmarks"]
    found = benchmarks.get(benchmark) if isinstance(benchmarks, dict) else None
    if not isinstance(found, dict):
        raise Stop(
            f"{run.folder} has samples of {benchmark}, but its run.json does not say how they were "
            "made; evaluate again"
        )
    return found


def _unlike(first: Scored, second: Scored) -> Iterator[Unlike]:
    """What forbids a comparison."""
    common = [place for place in first.tallies if place in second.tallies]
    for benchmark in dict.fromkeys(benchmark for benchmark, _ in common):
        one, other = settings(first, benchmark), settings(second, benchmark)
        # Without a revision, the name of the data is all that is known of it.
        known = one.get("data_revision") or other.get("data_revision")
        for kind, what, key in (
            ("data", f"the data of {benchmark}", "data_revision" if known else "data"),
            ("limits", f"the longest reply to {benchmark}", "max_new_tokens"),
        ):
            if one.get(key) is None or one.get(key) != other.get(key):
                values = (_short(made.get(key)) for made in (one, other))
                yield Unlike(kind, f"{what} is not the same", *values)
    for benchmark, mode in common:
        a, b = (
            (settings(run, benchmark).get("prompt_hash") or {}).get(mode) for run in (first, second)
        )
        if a is None or a != b:
            what = f"{mode} of {benchmark} was not prompted alike"
            yield Unlike("prompts", what, _short(a), _short(b))


def _loosely_unlike(first: Scored, second: Scored) -> Iterator[tuple[str, str, str]]:
    """What does not forbid it, but should be known."""
    for key in ("engine", "dtype"):
        one, other = first.record.get(key), second.record.get(key)
        if one != other:
            yield key, str(one), str(other)
    for benchmark in dict.fromkeys(at[0] for at in first.tallies if at in second.tallies):
        one = settings(first, benchmark).get("sampling")
        other = settings(second, benchmark).get("sampling")
        if one != other:
            yield f"sampling of {benchmark}", _told(one), _told(other)


def _compare(place: Place, first: Scored, second: Scored) -> Compared:
    a, b = first.tallies[place], second.tallies[place]
    found = pair(a, b)
    if found is None:
        benchmark, mode = place
        seeds = [_seeds(tally.seeds.tolist()) for tally in (a, b)]
        what = "seeds" if not set(a.seeds) & set(b.seeds) else "questions"
        raise Stop(
            f"{first.name} and {second.name} have no {what} of {benchmark} in mode {mode} in "
            f"common: {len(a.questions):,} questions with the seeds {seeds[0]}, and "
            f"{len(b.questions):,} with {seeds[1]}; evaluate one of them as the other was"
        )
    return Compared(place, first, second, found)


def _left_out(compared: Compared) -> Iterator[str]:
    """What only one of two runs has."""
    benchmark, mode = compared.place
    for run in (compared.first, compared.second):
        tally = run.tallies[compared.place]
        questions, seeds = len(compared.pair.differences), compared.pair.seeds
        if questions < len(tally.questions) or seeds < len(tally.seeds):
            yield (
                f"{benchmark} in mode {mode}: {compared.first.name} and {compared.second.name} are "
                f"compared on {questions:,} questions and {_number(seeds, 'seed')} in common; "
                f"{run.name} has {len(tally.questions):,} and {len(tally.seeds)}."
            )


def _seeds(seeds: list[int]) -> str:
    """0, 1, 2 as 0-2."""
    if len(seeds) > 1 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _short(value: object) -> str:
    return "not recorded" if value is None else str(value)[:80]


def _told(sampling: object) -> str:
    if not isinstance(sampling, dict):
        return "not recorded"
    return ", ".join(f"{key} {value}" for key, value in sampling.items())
