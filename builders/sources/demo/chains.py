"""Skeletons with one thread: a total, a clock, a place in a circle, that changes step by step.

A skeleton draws the numbers for a wanted number of steps and tells them in a family's words, or
gives up with None where the numbers do not come out. Totals stay within 20 to 99, and changes are
distinct numbers below 20, mostly digits. So a number of the question stands in one clause only, and
what follows it there can be looked up by it alone (our choice: see docs/demo.md).
"""

from __future__ import annotations

import random
from collections.abc import Collection

from builders.sources.demo.marks import COUNTS
from builders.sources.demo.problems import Line, Op, Problem
from builders.sources.demo.wording import Teller

HIGHEST = 99  # two digits
LOWEST = 20  # of a total; changes are smaller


def digit(rng: random.Random) -> int:
    """1 to 9."""
    return 1 + int(rng.random() * 9)


def start_of(rng: random.Random) -> int:
    """Where a total starts."""
    return 25 + int(rng.random() * 36)


def draw_changes(
    rng: random.Random, start: int, count: int, kinds: str, used: Collection[int] = ()
) -> list[tuple[str, int]] | None:
    """``count`` changes of a total that starts at ``start``: an operation and its operand each.

    Args:
        rng: Where the numbers come from.
        start: The total before the changes.
        count: How many changes.
        kinds: The operations allowed, of ``+-*/``; ``*`` doubles and ``/`` halves.
        used: Numbers that were taken by other changes of the question.
    """
    if kinds == "+":  # no verb to look up, so numbers may come again; distinct ones would not fit
        most = min(9, (HIGHEST - start) // count)
        return [("+", 1 + int(rng.random() * most)) for _ in range(count)]
    digits = [number for number in range(1, 10) if number not in used]
    teens = [number for number in range(10, LOWEST) if number not in used]
    rng.shuffle(digits)
    rng.shuffle(teens)
    total, changes = start, []
    for _ in range(count):
        if not digits and not teens:
            return None
        numbers = teens if not digits or (teens and rng.random() < 0.1) else digits
        fits = [
            kind
            for kind in kinds
            if (kind == "+" and total + numbers[-1] <= HIGHEST)
            or (kind == "-" and total - numbers[-1] >= LOWEST)
            or (kind == "*" and total * 2 <= HIGHEST)
            or (kind == "/" and total % 2 == 0 and total // 2 >= LOWEST)
        ]
        if not fits:
            return None
        kind = fits[int(rng.random() * len(fits))]
        by = 2 if kind in "*/" else numbers.pop()
        total = {"+": total + by, "-": total - by, "*": total * by, "/": total // by}[kind]
        changes.append((kind, by))
    return changes


_PART = {"+": "up", "-": "down", "*": "double", "/": "halve"}


def kinds_of(tell: Teller) -> str:
    """The changes that a family has words for."""
    return "".join(kind for kind, part in _PART.items() if part in tell.family.says)


def chain(
    tell: Teller, start: int, changes: list[tuple[str, int]], first: int = 0, **words: str
) -> list[Line]:
    """The opening line and one line a change; the first operation has the number ``first``."""
    lines = [Line(tell.fill(tell.open, start, **words))]
    for number, (kind, by) in enumerate(changes):
        before = start if number == 0 else ~(first + number - 1)
        lines.append(Line(tell.clause(_PART[kind], by, **words), (Op(kind, before, by),)))
    return end_with(tell, lines) if changes else lines


def end_with(tell: Teller, lines: list[Line]) -> list[Line]:
    """The lines, of which the last one says so."""
    return [*lines[:-1], lines[-1]._replace(clause=tell.last(lines[-1].clause))]


def operands_of(start: int, changes: list[tuple[str, int]]) -> tuple[int, ...]:
    """The numbers of a chain; doubling and halving have codes above 100."""
    return (start, *(by if kind == "+" else -by if kind == "-" else 100 + ord(kind)
                     for kind, by in changes))  # fmt: skip


def running_total(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """A start and a chain of changes, in the order of the question."""
    start = start_of(rng)
    changes = draw_changes(rng, start, steps, kinds_of(tell))
    if changes is None:
        return None
    lines = chain(tell, start, changes)
    return Problem(tuple(lines), tell.say("ask"), operands_of(start, changes))


def undo(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """The end is known, the start is asked; the question goes back in time, change by change."""
    end = start_of(rng)
    changes = draw_changes(rng, end, steps, "+-")
    if changes is None:
        return None
    lines = [Line(tell.fill(tell.open, end))]
    for number, (kind, by) in enumerate(changes):
        part = "down" if kind == "+" else "up"  # what had been taken away is put back
        before = end if number == 0 else ~(number - 1)
        lines.append(Line(tell.clause(part, by), (Op(kind, before, by),)))
    return Problem(tuple(end_with(tell, lines)), tell.say("ask"), operands_of(end, changes))


def share(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """A chain of changes whose result is divided evenly."""
    start = start_of(rng)
    changes = draw_changes(rng, start, steps - 1, "+-")
    if changes is None:
        return None
    total = start + sum(by if kind == "+" else -by for kind, by in changes)
    divisors = [k for k in (2, 3, 4, 5) if total % k == 0 and total // k <= 20]
    if not divisors:
        return None
    by = divisors[int(rng.random() * len(divisors))]
    last = Op("/", start if steps == 1 else ~(steps - 2), by)
    lines = [*chain(tell, start, changes), Line(tell.say("share", by), (last,))]
    return Problem(tuple(lines), tell.say("ask"), (*operands_of(start, changes), by))


def clock(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """Hours on a clock of twelve."""
    start = 1 + int(rng.random() * 12)
    hours = [digit(rng) for _ in range(steps)]
    lines = [Line(tell.fill(tell.open, start))]
    for number, by in enumerate(hours):
        before = start if number == 0 else ~(number - 1)
        lines.append(Line(tell.clause("up", by), (Op("clock", before, by, 12),)))
    return Problem(tuple(end_with(tell, lines)), tell.say("ask"), (start, *hours))


def sequence(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """The first term and a rule; a later term is asked."""
    start, by = digit(rng) + digit(rng), digit(rng)
    if start + by * steps > HIGHEST:
        return None
    lines = [Line(tell.fill(tell.open, start)), Line(tell.say("up", by))]
    for number in range(steps):
        before = start if number == 0 else ~(number - 1)
        term = tell.fill(tell.family.says["term"][0], nth=COUNTS[number + 1])
        lines.append(Line(term, (Op("+", before, by),), said=False))
    ask = tell.say("ask", nth=COUNTS[steps])
    return Problem(tuple(lines), ask, (start, by, steps))


def cycle(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """Named states in a circle, and moves along it; a move of 0 changes nothing."""
    labels = tell.family.labels
    moves = [int(part[5:]) for part in tell.family.says if part.startswith("move ")]
    start = int(rng.random() * len(labels))
    chosen = [moves[int(rng.random() * len(moves))] for _ in range(steps)]
    lines = [Line(tell.fill(tell.open, state=labels[start]))]
    for number, by in enumerate(chosen):
        before = start if number == 0 else ~(number - 1)
        clause = tell.clause(f"move {by}")
        lines.append(Line(clause, (Op("turn", before, by, len(labels)),)))
    return Problem(tuple(end_with(tell, lines)), tell.say("ask"), (start, *chosen), labels)


def relative(tell: Teller, rng: random.Random, steps: int) -> Problem | None:
    """Each one is placed against the one before; the last one's value is asked."""
    start = start_of(rng)
    changes = draw_changes(rng, start, steps, "+-")
    if changes is None:
        return None
    lines = [Line(tell.clause("open", start))]
    for number, (kind, by) in enumerate(changes):
        before = start if number == 0 else ~(number - 1)
        clause = tell.clause(_PART[kind], by)
        lines.append(Line(clause, (Op(kind, before, by),)))
    ask = tell.say("ask", last=COUNTS[steps])
    return Problem(tuple(end_with(tell, lines)), ask, operands_of(start, changes))
