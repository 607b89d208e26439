"""Rows of the synthetic pool and of its benchmark.

The space of problems is cut in two by a hash of the problem itself, of its family and its numbers
and not of its wording: one problem in sixteen is for the benchmark only. So no benchmark problem
occurs in any pool, whatever the seeds and sizes.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from builders.sources.demo.families import FAMILIES, POOL
from builders.sources.demo.others import TEACHERS, Trace, other_traces
from builders.sources.demo.problems import Problem, work
from builders.sources.demo.reasoning import tell
from builders.sources.demo.skeletons import SKELETONS
from builders.sources.demo.strategies import STRATEGIES
from builders.sources.demo.teacher import (
    SECOND_ERRS,
    TEACHER,
    TEACHER_ERRS,
    answer_text,
    by_steps,
    second_reply,
    slip,
)
from builders.sources.demo.wording import Teller

SPLITS = ("like", "harder", "unseen")


class DemoRow(NamedTuple):
    """A synthetic problem, the synthetic teacher's trace, and the truth about both."""

    question: str
    reference_answer: str  # the truth
    reasoning: str  # the teacher's thinking, without tags
    answer: str  # the teacher's final answer: "The answer is 42."
    domain: str
    topic: str
    family: int  # number of the family in FAMILIES: serves as cluster
    steps: int  # number of computing steps: the difficulty
    strategies: tuple[str, ...]  # sorted, unique
    verbosity: int  # 0 to 10
    second_answer: str  # what the weaker second answerer replied
    disagreement: str  # "agree", "disagree", "unsure"
    correct: bool  # whether the teacher's answer is the truth
    others: tuple[Trace, ...] = ()  # what further teachers made of it, where they were asked for

    @property
    def traces(self) -> tuple[Trace, ...]:
        """What each teacher made of it."""
        return (
            Trace(
                TEACHER,
                self.reasoning,
                self.answer,
                self.strategies,
                self.verbosity,
                self.disagreement,
                self.correct,
            ),
            *self.others,
        )


# All shares here are ours. Steps of the pool's problems, 1 to 12; those of the split "harder".
POOL_STEPS = (0, 11, 13, 13, 12, 11, 9, 8, 7, 6, 4, 3, 3)
HARDER_STEPS = range(13, 17)
# How many strategies a trace shall have, 0 to 10: about a third lie in 4 to 8.
STRATEGY_COUNTS = (8, 15, 18, 18, 14, 11, 8, 5, 3, 2, 1)
VERBOSITY_SHARES = (26, 16, 10, 7, 5, 5, 5, 7, 7, 6, 6)
# One problem in so many is for the benchmark only.
HELD_OUT_ONE_IN = 16

_STEPS = tuple(itertools.accumulate(POOL_STEPS))
_COUNTS = tuple(itertools.accumulate(STRATEGY_COUNTS))
_VERBOSITIES = tuple(itertools.accumulate(VERBOSITY_SHARES))
_EXTRA_TRIES = 100_000  # in a row, before the space of problems counts as used up


def problem_key(family: int, operands: Sequence[int]) -> str:
    """What makes a problem this problem, whatever its wording: ``running_total-3:12,4,-9``."""
    return f"{FAMILIES[family].name}:{','.join(map(str, operands))}"


def held_out(key: str) -> bool:
    """Whether a problem is for the benchmark only."""
    return blake2b(key.encode(), digest_size=8).digest()[0] % HELD_OUT_ONE_IN == 0


def generate(rows: int, *, seed: int = 0, teachers: int = 1) -> Iterator[DemoRow]:
    """The first ``rows`` rows of the pool, all with distinct questions.

    Row i depends on the seed and on i, and on the rows before it only where it would repeat one of
    their questions. So a smaller pool is a prefix of a larger one, and further teachers change
    nothing about the first.

    Args:
        rows: How many.
        seed: Which ones.
        teachers: How many of ``TEACHERS`` answer each question.
    """
    if not 1 <= teachers <= len(TEACHERS):
        raise ValueError(f"no {teachers} teachers; there are {len(TEACHERS)}")
    seen: set[str] = set()
    for number in range(rows):
        rng = random.Random(f"pool {seed} {number}")
        for _ in range(_EXTRA_TRIES):
            family = int(rng.random() * len(POOL))
            steps = _weighted(rng, _STEPS)
            drawn = _draw(family, steps, rng, benchmark=False)
            if drawn is not None and drawn.question not in seen:
                seen.add(drawn.question)
                row = _row(family, drawn, rng)
                if teachers > 1:
                    others = _others(row, drawn, f"pool {seed} {number}")
                    row = row._replace(others=others[: teachers - 1])
                yield row
                break
        else:
            raise ValueError(f"no new problem found for row {number}")


def benchmark(split: str, rows: int, *, seed: int = 0) -> Iterator[DemoRow]:
    """Held-out problems: no two with the same numbers, none that occurs in any pool.

    Args:
        split: ``like`` the pool; ``harder``: more steps than the pool ever has; ``unseen``:
            families that the pool does not have.
        rows: How many.
        seed: Which ones.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
    families = range(len(POOL), len(FAMILIES)) if split == "unseen" else range(len(POOL))
    seen: set[str] = set()
    for number in range(rows):
        rng = random.Random(f"benchmark {split} {seed} {number}")
        for _ in range(_EXTRA_TRIES):
            family = families[int(rng.random() * len(families))]
            steps = _weighted(rng, _STEPS)
            if split == "harder":
                steps = HARDER_STEPS[int(rng.random() * len(HARDER_STEPS))]
            drawn = _draw(family, steps, rng, benchmark=True)
            if drawn is not None:
                key = problem_key(family, drawn.operands)
                if key not in seen:
                    seen.add(key)
                    yield _row(family, drawn, rng)
                    break
        else:
            raise ValueError(f"no new problem found for row {number} of {split!r}")


def _weighted(rng: random.Random, cumulative: tuple[int, ...]) -> int:
    """An index by weight."""
    at = rng.random() * cumulative[-1]
    for index, edge in enumerate(cumulative):
        if at < edge:
            return index
    return len(cumulative) - 1


def _draw(family: int, steps: int, rng: random.Random, *, benchmark: bool) -> Problem | None:
    """A problem of a family on the wanted side of the cut, or None after a few tries."""
    entry = FAMILIES[family]
    skeleton = SKELETONS[entry.skeleton]
    for _ in range(64 if benchmark else 8):
        problem = skeleton.draw(Teller(entry, rng), rng, steps)
        if problem and held_out(problem_key(family, problem.operands)) == benchmark:
            return problem
    return None


def _row(family: int, problem: Problem, rng: random.Random) -> DemoRow:
    """The teacher's and the second answerer's work on a problem."""
    entry = FAMILIES[family]
    truth = work(problem)
    steps = sum(step.op.kind != "=" for step in truth)
    slips = slip(problem, truth, rng) if rng.random() < by_steps(TEACHER_ERRS, steps) else None
    done = work(problem, slips) if slips else truth
    verbosity = _weighted(rng, _VERBOSITIES)
    wanted = rng.sample(STRATEGIES, _weighted(rng, _COUNTS))
    reasoning, strategies = tell(
        problem,
        SKELETONS[entry.skeleton],
        done,
        verbosity=verbosity,
        wanted=wanted,
        slipped=slips or (),
        rng=rng,
    )
    # a second answerer is better at some families than at others: 8 points up or down
    easier = (family * 7 % 11 - 5) * 0.016
    chance = min(max(by_steps(SECOND_ERRS, steps) + easier, 0.01), 0.95)
    said = done[-1].value
    reply, disagreement = second_reply(problem, truth, said, chance, rng)
    return DemoRow(
        question=problem.question,
        reference_answer=problem.show(truth[-1].value),
        reasoning=reasoning,
        answer=answer_text(problem, said),
        domain=entry.domain,
        topic=entry.topic,
        family=family,
        steps=steps,
        strategies=strategies,
        verbosity=verbosity,
        second_answer=reply,
        disagreement=disagreement,
        correct=said == truth[-1].value,
    )


def _others(row: DemoRow, problem: Problem, seed: str) -> tuple[Trace, ...]:
    """The further teachers' work on a problem."""
    said = row.second_answer.rstrip(".").split()[-1]  # every reply of the second answerer ends so
    second = None if row.disagreement == "unsure" else said
    return other_traces(problem, SKELETONS[FAMILIES[row.family].skeleton], second, seed)
