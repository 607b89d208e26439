"""Skeletons with several threads: two totals, packs to add up, ways to compare, a load limit."""

from __future__ import annotations

import random

from builders.sources.demo.chains import (
    HIGHEST,
    LOWEST,
    chain,
    digit,
    draw_changes,
    end_with,
    operands_of,
)
from builders.sources.demo.problems import Line, Op, Problem
from builders.sources.demo.wording import Teller


def _two_chains(tell: Teller, rng: random.Random, steps: int, end: str) -> Problem | None:
    """Two chains one after the other, then one operation on both results."""
    first = (steps - 1) // 2 + int(rng.random() * 2) if steps > 1 else 0
    first = min(first, steps - 1)
    lines: list[Line] = []
    operands: list[int] = []
    results: list[int] = []
    used: list[int] = []
    count = 0
    for person, other, size, name in (
        (tell.who, tell.other, first, "first"),
        (tell.other, tell.who, steps - 1 - first, "second"),
    ):
        start = LOWEST + int(rng.random() * 26)
        changes = draw_changes(rng, start, size, "+-", used)
        if changes is None:
            return None
        used += [by for _, by in changes]
        lines += chain(tell, start, changes, count, who=person, other=other)
        count += size
        results.append(~(count - 1) if size else start)
        # said once more behind a word of its own, so that it is found again at the end
        lines.append(Line("So far", (Op("=", results[-1], 0, tag=name),), said=False))
        count += 1
        operands += [*operands_of(start, changes), 1000]
    total = work_end(lines, results)
    if (end == "gap" and total[0] == total[1]) or (end == "+" and sum(total) > HIGHEST):
        return None
    both = [Op("=", results[0], 0, tag="first"), Op("=", results[1], 0, tag="second")]
    lines.append(Line("Now", (*both, Op(end, results[0], results[1])), said=False))
    return Problem(tuple(lines), tell.say("ask"), tuple(operands))


def work_end(lines: list[Line], results: list[int]) -> tuple[int, int]:
    """The values of two results, numbers or ``~k``, of chains that are still being put together."""
    values: list[int] = []
    for line in lines:
        for op in line.ops:
            a = values[~op.a] if op.a < 0 else op.a
            values.append(a + op.b if op.kind == "+" else a - op.b)
    first, second = (values[~result] if result < 0 else result for result in results)
    return first, second


def compare(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """Two chains, and by how much their results differ."""
    return _two_chains(tell, rng, steps, "gap")


def merge(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """Two chains, and their results together."""
    return _two_chains(tell, rng, steps, "+")


def packs(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """Packs of so many each, added up; an even number of steps starts with some loose."""
    start = 2 + int(rng.random() * 20) if steps % 2 == 0 else 0
    each = 2 + int(rng.random() * 4)
    rows = [2 + int(rng.random() * 4) for _ in range((steps + 1) // 2)]
    if start + sum(rows) * each > HIGHEST:
        return None
    lines = [Line(tell.say("each", each))]
    if start:
        lines.insert(0, Line(tell.fill(tell.open, start)))
    total, count = start, 0
    for packs_ in rows:
        ops = [Op("*", packs_, each)]
        if total:
            ops.append(Op("+", total, ~count))
        lines.append(Line(tell.clause("pack", packs_, k=packs_), tuple(ops)))
        count += len(ops)
        total = ~(count - 1)
    return Problem(tuple(end_with(tell, lines)), tell.say("ask"), (start, each, *rows))


def alternatives(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """Several ways; the smallest is asked."""
    values = rng.sample(range(10, HIGHEST + 1), steps + 1)
    lines = []
    for number, value in enumerate(values):
        op = Op("min", values[0] if number == 1 else ~(number - 2), value)
        lines.append(Line(tell.clause("way", value), (op,) if number else ()))
    return Problem(tuple(end_with(tell, lines)), tell.say("ask"), tuple(values))


def budget(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """Loads come one after the other until one passes the limit; what is on board is asked."""
    loads = [digit(rng) for _ in range(steps + 1 + int(rng.random() * 2))]
    fitting = sum(loads[:steps])
    limit = fitting + int(rng.random() * loads[steps])
    if not 1 < limit <= HIGHEST:
        return None
    lines = [Line(tell.fill(tell.open, limit))]
    for number, load in enumerate(loads):
        op = Op("load", loads[0] if number == 1 else ~(number - 2), load, limit)
        lines.append(Line(tell.clause("load", load), (op,) if number else ()))
    return Problem(tuple(end_with(tell, lines)), tell.say("ask"), (limit, *loads))


def tally(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """How many of the values lie above a threshold."""
    limit = 3 + int(rng.random() * 4)
    values = [digit(rng) for _ in range(steps)]
    lines = []
    for number, value in enumerate(values):
        op = Op("count", ~(number - 1) if number else 0, value, limit)
        lines.append(Line(tell.clause("value", value), (op,)))
    ask = tell.say("ask", limit)
    return Problem(tuple(end_with(tell, lines)), ask, (limit, *values))


def transfer(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """Two accounts and moves between them; an odd step is a gain of one of them from outside."""
    people = (tell.who, tell.other)
    totals = [10 + int(rng.random() * 30), 10 + int(rng.random() * 30)]
    values = list(totals)
    lines = [
        Line(tell.fill(tell.open, totals[side], who=people[side], other=people[1 - side]))
        for side in (0, 1)
    ]
    operands = list(totals)
    count = 0
    gain_at = int(rng.random() * (steps // 2 + 1)) if steps % 2 else -1
    for number in range((steps + 1) // 2):
        side = int(rng.random() * 2)
        by = digit(rng)
        if number == gain_at:
            ops = [Op("+", values[side], by, tag=people[side])]
            values[side], totals[side] = ~count, totals[side] + by
            clause = tell.clause("gain", by, who=people[side])
        else:
            # told of the first person, whichever way it goes: the verb tells which
            signs = "-+" if side == 0 else "+-"
            ops = [Op(signs[at], values[at], by, tag=people[at]) for at in (0, 1)]
            values = [~count, ~(count + 1)]
            totals[side], totals[1 - side] = totals[side] - by, totals[1 - side] + by
            clause = tell.clause("back" if side else "move", by)
        lines.append(Line(clause, tuple(ops)))
        operands += [number == gain_at, side, by]
        count += len(ops)
        if min(totals) < 1 or max(totals) > HIGHEST:
            return None
    asked = int(rng.random() * 2)
    if values[asked] >= 0:  # nothing ever happened to this account
        asked = 1 - asked
    end = Line(f"Now {people[asked]}", (Op("=", values[asked], 0),), said=False)
    ask = tell.say("ask", who=people[asked], other=people[1 - asked])
    return Problem((*end_with(tell, lines), end), ask, (*operands, asked))
