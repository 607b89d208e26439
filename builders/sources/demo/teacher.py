"""The synthetic teacher and the weaker second answerer: how often and how they err."""

from __future__ import annotations

import random
from collections.abc import Mapping

from builders.sources.demo.problems import Done, Problem, work
from builders.sources.demo.wording import pick

TEACHER = "synthetic-teacher"
SECOND_ANSWERER = "synthetic-second-answerer"

# Chances by the number of steps, 0 to 12 and more; all ours. The second answerer's are set so that
# 36% of a pool disagree, the paper's share; the teacher's so that 2% of its answers are wrong.
SECOND_ERRS = (0.0, 0.045, 0.08, 0.155, 0.255, 0.365, 0.475, 0.57, 0.64, 0.7, 0.75, 0.79, 0.82)
TEACHER_ERRS = (0.0, 0.004, 0.006, 0.01, 0.015, 0.02, 0.026, 0.032, 0.038, 0.044, 0.05, 0.056, 0.06)
SECOND_DECLINES = 0.02

_DELTAS = (1, -1, 2, -2, 10, -10)
_REPLIES = ("The answer is {x}.", "I get {x}.", "It should be {x}.", "{x}.", "My answer: {x}.")
_DECLINES = (
    "I am not sure.",
    "I cannot tell from this.",
    "This is too long for me to work out quickly.",
    "I do not know.",
)


def by_steps(chances: tuple[float, ...], steps: int) -> float:
    """The chance for a number of steps; the last one for more than the table has."""
    return chances[min(steps, len(chances) - 1)]


def answer_text(problem: Problem, value: int) -> str:
    """The teacher's final answer."""
    return f"The answer is {problem.show(value)}."


def slip(problem: Problem, done: list[Done], rng: random.Random) -> Mapping[int, int] | None:
    """One slip that changes the answer: which operation, and by how much; None if none is found."""
    right = done[-1].value
    for _ in range(6):
        step = done[int(rng.random() * len(done))]
        slips = {step.number: pick(rng, _DELTAS)}
        other = work(problem, slips)
        if other[-1].value != right and all(map(_possible, other)):
            return slips
    return None


def _possible(step: Done) -> bool:
    """Whether nobody would stumble over a result: no debts, no division with a remainder."""
    return step.value >= 0 and (step.op.kind != "/" or step.a % step.b == 0)


def second_reply(
    problem: Problem, done: list[Done], said: int, chance: float, rng: random.Random
) -> tuple[str, str]:
    """The second answerer's reply, and whether it agrees with what the teacher said.

    Args:
        problem: The problem.
        done: Its operations without slips.
        said: The value that the teacher answered.
        chance: How likely the second answerer is to slip.
        rng: Where the choices come from.
    """
    if rng.random() < SECOND_DECLINES:
        return pick(rng, _DECLINES), "unsure"
    value = done[-1].value
    if rng.random() < chance:
        slips = slip(problem, done, rng)
        if slips is not None:
            value = work(problem, slips)[-1].value
    reply = pick(rng, _REPLIES).format(x=problem.show(value))
    return reply, "agree" if value == said else "disagree"
