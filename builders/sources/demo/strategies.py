"""Reasoning strategies as text: each one really happens where its name is on the label.

Each strategy has witness words that occur nowhere else in a trace (a test holds questions, fillers
and strategies to that), so a trace's labels can be read off its text by :func:`witnessed`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from builders.sources.demo.problems import KINDS, Done, Problem
from builders.sources.demo.skeletons import Skeleton
from builders.sources.demo.wording import pick

STRATEGIES = (
    "analogy",
    "backtracking",
    "case-analysis",
    "decomposition",
    "estimation",
    "exploration",
    "planning",
    "restatement",
    "self-verification",
    "working-backwards",
)

WITNESSES: Mapping[str, re.Pattern[str]] = {
    "analogy": re.compile(r"\bjust like\b"),
    "backtracking": re.compile(r"\b(Wait|Hold on|Hmm), "),
    "case-analysis": re.compile(r"\bcases\b"),
    "decomposition": re.compile(r"\b(into pieces|piece by piece)\b"),
    "estimation": re.compile(r"\b[Rr]oughly\b"),
    "exploration": re.compile(r"\b(Another way|Alternatively)\b"),
    "planning": re.compile(r"\b[Pp]lan\b"),
    "restatement": re.compile(r"\b(In other words|Put differently)\b"),
    "self-verification": re.compile(r"\b(check|verify|test)\b"),
    "working-backwards": re.compile(r"\bbackwards\b"),
}

# What follows a wrong statement that is noticed at once; tests skip the statement before it.
REGRETS = ("Wait, that is wrong", "Hold on, that is not right", "Hmm, I made a mistake there")


class Scene(NamedTuple):
    """What a strategy may speak about."""

    problem: Problem
    skeleton: Skeleton
    done: Sequence[Done]  # the operations as the solver did them
    clean: Sequence[Done]  # those of them that are free of slips
    sound: Sequence[Done]  # those of the clean ones that are plain sums
    rng: random.Random


def _inverse(step: Done) -> str:
    """The statement that undoes an arithmetic step."""
    if step.op.kind in ("+", "load", "clock"):
        return f"{step.a + step.b} - {step.b} = {step.a}"
    if step.op.kind == "*":
        return f"{step.value} / {step.b} = {step.a}"
    if step.op.kind == "/":
        return f"{step.value} * {step.b} = {step.a}"
    low = min(step.a, step.b)
    return f"{step.value} + {low} = {max(step.a, step.b)}"


def _analogy(scene: Scene) -> str | None:
    return f"It is just like {scene.skeleton.analogy}."


def _cases(scene: Scene) -> str | None:
    return f"There are two cases: {scene.skeleton.cases}."


def _decomposition(scene: Scene) -> str | None:
    start = pick(scene.rng, ("I take it piece by piece", "I break it into pieces"))
    return f"{start}: {scene.skeleton.split}."


def _planning(scene: Scene) -> str | None:
    start = pick(scene.rng, ("The plan is to", "My plan: I", "A plan: I"))
    return f"{start} {scene.skeleton.plan}."


def _restatement(scene: Scene) -> str | None:
    return f"{pick(scene.rng, ('In other words', 'Put differently'))}: {scene.problem.ask}"


def _near(number: int) -> int:
    return (number + 2) // 5 * 5  # the nearest multiple of 5


def _estimation(scene: Scene) -> str | None:
    steps = [step for step in scene.sound if step.op.kind in "+-" and step.b > 2 and step.value > 5]
    if not steps:
        return None
    step = pick(scene.rng, steps)
    a, b, sign = _near(step.a), _near(step.b), step.op.kind
    if sign == "-" and b > a:
        return None
    about = a + b if sign == "+" else a - b
    return f"Roughly, {a} {sign} {b} = {about}, and {step.value} is close to it."


def _exploration(scene: Scene) -> str | None:
    steps = [step for step in scene.sound if step.op.kind in ("+", "-") and step.b > 1]
    start = pick(scene.rng, ("Another way", "Alternatively"))
    if steps:
        step = pick(scene.rng, steps)
        sign = step.op.kind
        half = step.b // 2
        rest = step.b - half
        middle = step.a + half if sign == "+" else step.a - half
        first = f"{step.a} {sign} {half} = {middle}"
        return f"{start}: {first} and {middle} {sign} {rest} = {step.value}, the same."
    products = [step for step in scene.sound if step.op.kind == "*"]
    if products:
        step = pick(scene.rng, products)
        return f"{start}: {step.b} * {step.a} = {step.value}, the same."
    if scene.problem.labels:
        return (
            f"{start}: draw a small circle and move a finger on it, which ends at the same place."
        )
    return f"{start}: make a list with one row for each clause, which gives the same."


def _verification(scene: Scene) -> str | None:
    start = pick(scene.rng, ("Let me check", "I verify this", "A quick test"))
    if not scene.sound:
        steps = [step for step in scene.clean if step.op.kind != "="]
        return f"{start}: {pick(scene.rng, steps).text}. Yes." if steps else None
    steps = scene.rng.sample(scene.sound, min(len(scene.sound), 1 + int(scene.rng.random() * 2)))
    steps.sort(key=lambda step: step.number)
    return f"{start}: {' and '.join(_inverse(step) for step in steps)}. Good."


def _backwards(scene: Scene) -> str | None:
    if not scene.sound or scene.sound[-1].number != scene.done[-1].number:
        return None
    steps = [scene.sound[-1]]
    for step in reversed(scene.sound[:-1]):
        if len(steps) == 3 or step.value != steps[-1].a or step.number != steps[-1].number - 1:
            break
        steps.append(step)
    return f"Now backwards: {', '.join(_inverse(step) for step in steps)}."


# Said before the work is done, and after it; backtracking and case analysis happen within it.
BEFORE: Mapping[str, Callable[[Scene], str | None]] = {
    "restatement": _restatement,
    "planning": _planning,
    "decomposition": _decomposition,
    "analogy": _analogy,
    "case-analysis": _cases,
}
AFTER: Mapping[str, Callable[[Scene], str | None]] = {
    "exploration": _exploration,
    "self-verification": _verification,
    "estimation": _estimation,
    "working-backwards": _backwards,
}


def mistake(scene: Scene, step: Done) -> str | None:
    """A wrong statement of a step and the regret that follows it; None where none can be made."""
    kind = KINDS[step.op.kind]
    delta = pick(scene.rng, (1, -1, 2, -2, 10))
    wrong = kind.slip(step.a, step.b, step.op.m, delta)
    if wrong == step.value or step.op.kind in ("min", "load", "="):
        return None
    text = kind.text(step.a, step.b, step.op.m, wrong, scene.problem.labels)
    tag = f"{step.op.tag} " if step.op.tag else ""
    return f"{tag}{text}. {pick(scene.rng, REGRETS)}."


def witnessed(reasoning: str) -> tuple[str, ...]:
    """The strategies whose words occur in a trace, sorted."""
    return tuple(name for name in STRATEGIES if WITNESSES[name].search(reasoning))
