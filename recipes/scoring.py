"""Whether a reply is right: its final letter, number or expression against the reference.

    score("letter", "<think>…B? No, C.</think>\\n\\n**Answer: C**", "C", options=4)
    score("math", "so the area is $\\\\boxed{\\\\frac{1}{2}}$", "0.5")

What counts is what stands behind the thinking. A reply that was cut by the length is wrong, and so
is one whose thinking never ends.
"""

from __future__ import annotations

import re
from typing import NamedTuple

OPEN, CLOSE = "<think>", "</think>"


class Parts(NamedTuple):
    """A reply, taken apart."""

    thinking: str | None  # None: it did not think
    answer: str
    closed: bool


class Score(NamedTuple):
    """What was found in a reply, and whether it is right."""

    correct: bool
    extracted: str | None


def take_apart(text: str) -> Parts:
    """Thinking and answer; the opening tag may be missing, since some templates write it."""
    before, close, after = text.rpartition(CLOSE)
    if close:
        return Parts(before.replace(OPEN, "").replace(CLOSE, ""), after.partition(OPEN)[0], True)
    answer, opening, thinking = text.partition(OPEN)
    return Parts(thinking, answer, False) if opening else Parts(None, text, True)


def score(
    kind: str, text: str, reference: str, *, options: int | None = None, truncated: bool = False
) -> Score:
    """Score a reply of kind `letter` or `math`."""
    if truncated:
        return Score(False, None)
    answer = take_apart(text).answer
    found = re.findall(r"answer is:? *\**([^\s.,*]+)", answer)
    extracted = found[-1] if found else None
    return Score(extracted == reference, extracted)
