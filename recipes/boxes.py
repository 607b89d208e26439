r"""Boxes of LaTeX, whose braces have to be counted: \boxed{\frac{1}{2}}."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

BOX = re.compile(r"\\(?:boxed|fbox)\s*(\{)?")
MARKED = re.compile(r"⟦([^⟦⟧]*)⟧")


class Box(NamedTuple):
    """A box, and where it begins and ends in the text."""

    inside: str
    start: int
    end: int


def boxes(text: str) -> Iterator[Box]:
    """The boxes of a text, outermost ones; one that never ends is none."""
    place = 0
    while match := BOX.search(text, place):
        place = match.end()
        if match[1] is None:
            bare = re.compile(r"[^\s$\\.,;]+").match(text, place)
            if bare:
                yield Box(bare[0], match.start(), bare.end())
            continue
        depth = 1
        for end in range(place, len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
            if depth == 0:
                yield Box(text[place:end], match.start(), end + 1)
                place = end + 1
                break
        else:
            return


def mark_boxes(text: str) -> str:
    """The text with ⟦ ⟧ around what was boxed."""
    parts, done = [], 0
    for box in boxes(text):
        parts += [text[done : box.start], "⟦", box.inside, "⟧"]
        done = box.end
    return "".join([*parts, text[done:]])
