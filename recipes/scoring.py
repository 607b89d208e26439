"""Whether a reply is right: its final letter, number or expression against the reference.

    score("letter", "<think>\\nB? No, C.\\n</think>\\n\\n**Answer: C**", "C", options=4)
    score("math", "so the area is $\\\\boxed{\\\\frac{1}{2}}$", "0.5")

What counts is what stands behind the thinking. A reply that was cut by the length is wrong, and so
is one whose thinking never ends. Where a reply decides more than once, the last decision counts.
"""

from __future__ import annotations

from typing import NamedTuple

import letters
import mathematics

OPEN, CLOSE = "<think>", "</think>"

LOOKED_AT = 2000
"""Characters at the end that are looked at: the decision stands there, and a reply that repeats
itself for ever takes no longer than another. Our choice."""


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
    answer = take_apart(text).answer[-LOOKED_AT:]
    if kind == "letter":
        letter = letters.final_letter(answer, options or 4)
        return Score(letter is not None and letter == reference, letter)
    stated = mathematics.final_answer(answer)
    if stated is None:
        return Score(False, None)
    return Score(mathematics.same(stated, reference), stated.text)
