"""How many of the steps before it a step sees, and which tokens are run for that.

    window 4 over ten steps:     step 7 is run behind the prompt and steps 3 to 6
    window 20% over ten steps:   step 7 is run behind the prompt and steps 5 and 6

Steps whose windows begin at the same place are run together: none of them sees what is behind it.
So are with the whole response those whose window reaches back to the first step.
"""

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.errors import BadOption

Floats = NDArray[np.float32]


class Window(NamedTuple):
    """At most so many steps before, or a share of them; `text` is how it was asked for."""

    text: str
    steps: int | None = None
    share: Fraction = Fraction(0)

    def before(self, step: int) -> int:
        """How many steps before the step of this number, from 0, it sees.

        A share is one of the steps before it, rounded up: our choice.
        """
        if self.steps is not None:
            return min(self.steps, step)
        return math.ceil(self.share * step)


class Span(NamedTuple):
    """Tokens `start` to `end` of a response, run behind the prompt; wanted are those from `scored`.

    Their positions go on behind the prompt, as if the steps that are left out had never been there.
    """

    start: int
    scored: int
    end: int


def parse_window(text: str) -> Window:
    """The window of `4`, `20%` or `all`.

    Raises:
        BadOption: it is none of these.
    """
    if text == "all":
        return Window(text, share=Fraction(1))
    if re.fullmatch(r"\d{1,9}", text):
        return Window(text, steps=int(text))
    if re.fullmatch(r"\d{1,3}(\.\d{1,6})?%", text):
        share = Fraction(text.rstrip("%")) / 100
        if share <= 1:
            return Window(text, share=share)
    raise BadOption(
        f"--window {text}: how many steps before a step it sees: a whole number from 0, a share "
        "from 0% to 100%, or all"
    )


def spans_of(steps: Sequence[int], tokens: int, window: Window) -> list[Span]:
    """What has to be run: first the whole response, then the steps that see less than that.

    Args:
        steps: the first token of each step; the first is 0.
        tokens: of the response.
        window: what each step sees.
    """
    ends = [*steps[1:], tokens]
    spans = [Span(0, 0, tokens)]
    for step, (scored, end) in enumerate(zip(steps, ends, strict=True)):
        start = steps[step - window.before(step)]
        if start > spans[-1].start:
            spans.append(Span(start, scored, end))
        elif start:
            spans[-1] = spans[-1]._replace(end=end)
    return spans


def given_windows(spans: Sequence[Span], found: Sequence[Floats]) -> Floats:
    """The log-probability of each token of a response, given the window of its step.

    Args:
        spans: those of `spans_of`.
        found: that of the wanted tokens of each.
    """
    given = found[0].copy()
    for span, values in zip(spans[1:], found[1:], strict=True):
        given[span.scored : span.end] = values
    return given
