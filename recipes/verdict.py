"""What a difference supports, as a sentence.

    disagree-10k is better than random-10k by 1.2 to 3.0 points
    not separable: to tell the 0.8 points seen, about 40 more seeds or 500 more questions would be
    needed
    not separable: to tell the 0.8 points seen, about 500 more questions would be needed; seeds
    alone cannot

"Needed" means: if the difference is what was seen, then four times of five the interval would
leave out zero.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from paired import Difference

POWER = 0.8
"""The chance to tell a difference; the usual choice."""
FAR = 100
"""So many times the questions that there are is no advice any more; our choice."""


def sentence(difference: Difference, first: str, second: str) -> str:
    """What may be said of two runs."""
    if difference.separable:
        word = "better" if difference.mean > 0 else "worse"
        low, high = sorted((abs(difference.low), abs(difference.high)))
        return f"{second} is {word} than {first} by {_range(low, high)} points"
    return f"not separable: {_why(difference)}"


def smallest(difference: Difference) -> float:
    """The difference that this many questions and seeds tell, four times of five."""
    return (difference.critical + NormalDist().inv_cdf(POWER)) * difference.error


def questions_needed(difference: Difference) -> float:
    """Questions, each with as many seeds, that would tell the difference seen."""
    if not difference.mean:
        return math.inf
    return difference.questions * (smallest(difference) / difference.mean) ** 2


def seeds_needed(difference: Difference) -> float | None:
    """Seeds of the same questions that would; infinite if none, None if one seed cannot say.

    More seeds take away the noise within a question, but not that the questions are few.
    """
    if difference.noise is None:
        return None
    variance = difference.questions * difference.error**2
    between = max(0.0, variance - difference.noise / difference.seeds)
    wanted = variance * difference.questions / questions_needed(difference)
    return difference.noise / (wanted - between) if wanted > between else math.inf


def _why(difference: Difference) -> str:
    if difference.questions < 2:
        return "one question cannot tell"
    if not difference.error:
        if not difference.mean:
            return "they did alike on every question"
        return f"{difference.questions} questions are too few"
    if math.isinf(difference.critical):
        return f"they differ on only {difference.differing} of {difference.questions:,} questions"
    seen = 100 * abs(difference.mean)
    questions = questions_needed(difference)
    if questions > FAR * difference.questions:
        told = 100 * smallest(difference)
        return f"the {seen:.2f} points seen are far below the {told:.1f} that these samples tell"
    seeds = seeds_needed(difference)
    more = f"{_about(questions - difference.questions)} more questions"
    start = f"to tell the {seen:.1f} points seen, about "
    if seeds is None:
        return f"{start}{more} would be needed; what seeds would bring, one seed cannot say"
    if math.isinf(seeds):
        return f"{start}{more} would be needed; seeds alone cannot"
    return f"{start}{_about(seeds - difference.seeds)} more seeds or {more} would be needed"


def _range(low: float, high: float) -> str:
    digits = 1 if low >= 0.0005 else 2
    if f"{100 * low:.{digits}f}" == f"{100 * high:.{digits}f}":
        return f"{100 * low:.{digits}f}"
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f}"


def _about(number: float) -> str:
    """A number of two digits that matter, at least 1, rounded up."""
    size = 10 ** max(0, math.floor(math.log10(max(number, 1))) - 1)
    return f"{max(1, math.ceil(number / size) * size):,}"
