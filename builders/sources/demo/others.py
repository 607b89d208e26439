"""Two more synthetic teachers, on request: a terse one, and one that rambles and is often wrong.

Each has a manner of its own, in words that the first teacher never says, so a student that was
trained on one of them tells them apart. The same problem by all three:

    synthetic-teacher            Ada keeps 12 jars. On day two Ada buys 4 more jars: 12 + 4 = 16. …
    synthetic-terse-teacher      12 + 4 = 16. Result 16.
    synthetic-rambling-teacher   Well now, where do I start. I read "Ada keeps 12 jars", if I am not
                                 mistaken. … I would put it as 12 + 4 = 16, more or less. Anyway. …

The manners, and how often each teacher is wrong, are our choice.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple

from builders.sources.demo.problems import Done, Problem, work
from builders.sources.demo.skeletons import Skeleton
from builders.sources.demo.strategies import AFTER, BEFORE, STRATEGIES, Scene
from builders.sources.demo.teacher import TEACHER, answer_text, slip
from builders.sources.demo.wording import pick

TERSE = "synthetic-terse-teacher"
RAMBLING = "synthetic-rambling-teacher"
TEACHERS = (TEACHER, TERSE, RAMBLING)

_TERSE_ERRS, _RAMBLING_ERRS = 0.05, 0.4
_ASIDE = 0.4  # the chance of a sentence beside the point after each clause
_MOST_STRATEGIES = 3

_STARTS = (
    "Well now, where do I start.",
    "Oh, one of these again, and on such a day.",
    "Right, somebody once showed me how this goes, though it was years ago.",
)
_READ = (
    'I read "{clause}", if I am not mistaken.',
    'And then it has "{clause}", or so I believe.',
    'Somewhere it goes "{clause}", which I had to look at twice.',
)
_WORKED = (
    "I would put it as {sums}, more or less.",
    "That ought to be {sums}, unless I mixed something up.",
    "My pencil says {sums}, and who am I to argue.",
)
_ASIDES = (
    "Anyway.",
    "Where was I.",
    "My neighbour does these much faster than I do.",
    "It reminds me of something, but I forget of what.",
    "I never liked this sort of thing at school.",
    "Perhaps I should have had breakfast first.",
)
_FINISHES = (
    "After all this I end up with {x}, and I hope that it will do.",
    "So {x} it is, I should think, though I would not bet on it.",
)


class Trace(NamedTuple):
    """What one teacher made of a problem, and the truth about it."""

    teacher: str
    reasoning: str
    answer: str
    strategies: tuple[str, ...]  # sorted
    verbosity: int  # 0 to 10
    disagreement: str  # with the second answerer: "agree", "disagree", "unsure"
    correct: bool


def other_traces(
    problem: Problem, skeleton: Skeleton, second_answer: str | None, seed: str
) -> tuple[Trace, ...]:
    """The traces of the teachers behind the first one.

    Args:
        problem: The problem.
        skeleton: Its structure.
        second_answer: What came out for the second answerer; None if it declined.
        seed: Of the choices, together with a teacher's name.
    """
    truth = work(problem)

    def worked(teacher: str, errs: float) -> tuple[list[Done], Collection[int], random.Random]:
        rng = random.Random(f"{seed} {teacher}")
        slips = slip(problem, truth, rng) if rng.random() < errs else None
        return work(problem, slips), slips or (), rng

    def trace(
        teacher: str, done: list[Done], reasoning: str, strategies: Sequence[str], verbosity: int
    ) -> Trace:
        said = problem.show(done[-1].value)
        verdict = "agree" if said == second_answer else "disagree"
        return Trace(
            teacher,
            reasoning,
            answer_text(problem, done[-1].value),
            tuple(sorted(strategies)),
            verbosity,
            "unsure" if second_answer is None else verdict,
            done[-1].value == truth[-1].value,
        )

    done, _, _ = worked(TERSE, _TERSE_ERRS)
    terse = trace(TERSE, done, _tell_tersely(problem, done), (), 0)
    done, slipped, rng = worked(RAMBLING, _RAMBLING_ERRS)
    reasoning, strategies = _ramble(problem, skeleton, done, slipped, rng)
    return terse, trace(RAMBLING, done, reasoning, strategies, 9 + int(rng.random() * 2))


def _tell_tersely(problem: Problem, done: Sequence[Done]) -> str:
    """The sums, and nothing else."""
    sums = " ".join(f"{step.text}." for step in done if step.op.kind != "=")
    return f"{sums} Result {problem.show(done[-1].value)}."


def _ramble(
    problem: Problem,
    skeleton: Skeleton,
    done: Sequence[Done],
    slipped: Collection[int],
    rng: random.Random,
) -> tuple[str, list[str]]:
    """Every clause and every sum with its doubts, and the strategies that it has."""
    clean = [step for step in done if step.number not in slipped]
    scene = Scene(problem, skeleton, done, clean, (), rng)
    wanted = rng.sample(STRATEGIES, int(rng.random() * (_MOST_STRATEGIES + 1)))
    used: list[str] = []
    out = [pick(rng, _STARTS)]

    for name, say in BEFORE.items():
        if name in wanted and (said := say(scene)):
            used.append(name)
            out.append(said)
    for number, line in enumerate(problem.lines):
        sums = [step.text for step in done if step.line == number]
        if line.ops and not sums:
            break  # the problem was over before this clause
        if line.said:
            out.append(pick(rng, _READ).format(clause=line.clause))
        if sums:
            out.append(pick(rng, _WORKED).format(sums=", then ".join(sums)))
        if rng.random() < _ASIDE:
            out.append(pick(rng, _ASIDES))
    out.append(pick(rng, _FINISHES).format(x=problem.show(done[-1].value)))
    for name, say in AFTER.items():
        if name in wanted and (said := say(scene)):
            used.append(name)
            out.append(said)
    return " ".join(out), used
