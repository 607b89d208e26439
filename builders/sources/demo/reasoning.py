"""The synthetic teacher's thinking: a problem that was worked out, told in a given style.

Every style quotes each clause of the question word for word and then computes it, in one notation:

    Ada keeps 12 jars of seed. On Monday morning Ada buys 4 more jars: 12 + 4 = 16.

Small students learn that: going on with a text that they have just seen is the first thing that
attention learns. The question's last sentence is quoted, too, so that where to stop is nothing but
going on. What differs between styles is what is said before, between and after.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from builders.sources.demo.fillers import CLOSERS, COMMENTS, ENDS, OPENERS
from builders.sources.demo.problems import Done, Problem
from builders.sources.demo.skeletons import Skeleton
from builders.sources.demo.strategies import AFTER, BEFORE, Scene, mistake
from builders.sources.demo.wording import pick

VERBOSITIES = range(11)
# By verbosity, our choice: sentences beside the point before the work and after it, and the chance
# of one after each clause. They keep mostly outside of the work, where they would hide its thread.
_BEFORE = (0, 0, 0, 1, 1, 2, 3, 4, 5, 7, 8)
_AFTER = (0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6)
SUMS = ("+", "-", "*", "/", "gap", "clock", "load")  # operations that can be undone by a sum
_BETWEEN = (0.0, 0.0, 0.02, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.35)


def tell(
    problem: Problem,
    skeleton: Skeleton,
    done: Sequence[Done],
    *,
    verbosity: int,
    wanted: Collection[str],
    slipped: Collection[int],
    rng: random.Random,
) -> tuple[str, tuple[str, ...]]:
    """Tell how a problem was worked out.

    Args:
        problem: The problem.
        skeleton: Its structure.
        done: The operations as they were carried out, slips included.
        verbosity: From 0, nothing but the work, to 10.
        wanted: Strategies to use; those that this problem has no room for are left out.
        slipped: Numbers of the operations that went wrong without being noticed.
        rng: Where the choices come from.

    Returns:
        The text, and the strategies that it has, sorted.
    """
    clean = [step for step in done if step.number not in slipped]
    sound = [step for step in clean if step.op.kind in SUMS and not step.stops]
    scene = Scene(problem, skeleton, done, clean, sound, rng)
    used: list[str] = []
    out: list[str] = []

    def use(name: str, text: str | None) -> None:
        if text is not None:
            used.append(name)
            out.append(text)

    count = _BEFORE[verbosity]
    if count:
        out += pick(rng, OPENERS)[-count:]
    for name, say in BEFORE.items():
        if name in wanted:
            use(name, say(scene))

    fall = -1  # the operation at which a mistake is made and noticed
    if "backtracking" in wanted:
        fall = int(rng.random() * len(done))
        if done[fall].number in slipped:
            fall = -1
    chance = _BETWEEN[verbosity]
    position = 0
    for number, line in enumerate(problem.lines):
        statements = []
        while position < len(done) and done[position].line == number:
            step = done[position]
            if step.number == fall:
                wrong = mistake(scene, step)
                if wrong is not None:
                    used.append("backtracking")
                    statements.append(f"{wrong} {step.text}")
                else:
                    statements.append(step.text)
            else:
                statements.append(step.text)
            position += 1
        if line.ops and not statements:
            break  # the problem was over before this clause
        out.append(f"{line.clause}: {', '.join(statements)}." if statements else f"{line.clause}.")
        if chance and statements and rng.random() < chance:
            value = problem.show(done[position - 1].value)
            out.append(pick(rng, COMMENTS).format(v=value))

    result = problem.show(done[-1].value)
    out.append(f"{problem.ask} {result}.")
    spoken = len(out)
    for name, say in AFTER.items():
        if name in wanted:
            use(name, say(scene))
    count = _AFTER[verbosity]
    if count:
        out += pick(rng, CLOSERS)[-count:]
    if len(out) > spoken:
        out.append(pick(rng, ENDS).format(x=result))
    return " ".join(out), tuple(sorted(used))
