"""Do the modes work? Whether a student thinks when asked to, and does not when asked not to.

    benchmark    thinks when asked        does not when asked not to    thinks, not asked
    demo_like     99.1% (97.2 to 99.7)    100.0% (98.1 to 100.0)         54.0% (47.1 to 60.8)
    demo_unseen   71.0% (64.4 to 76.8)     98.5% (95.7 to 99.5)          61.5% (54.6 to 68.0)

An interval is Wilson's, for as many observations as there are questions: it does not shrink to
nothing at 0 and 100%, where these shares are, and is a little wide where there are several seeds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tallies import Scored, Tally, groups

Z = 1.959964
"""Standard errors of a 95% interval; each share stands alone, none is corrected."""
TRAINED_ON = "demo_like"
"""The split of the demo benchmark whose families and difficulties the student was trained on."""
ELSEWHERE = {"demo_harder": "harder problems", "demo_unseen": "families never trained on"}


class Share(NamedTuple):
    """A share of the questions, with its 95% interval."""

    share: float
    low: float
    high: float
    questions: int


class Obedience(NamedTuple):
    """How a run answers a benchmark in the modes; None where it was not asked so."""

    benchmark: str
    think: Share | None  # thinks when asked
    no_think: Share | None  # does not when asked not to
    adaptive: Share | None  # thinks when not asked either way


class Level(NamedTuple):
    """What a run does by itself with problems of one difficulty."""

    benchmark: str
    difficulty: str
    questions: int
    thought: float
    tokens: float
    correct: float


def obedience(run: Scored) -> list[Obedience]:
    """How far a run obeys, by benchmark."""
    found = []
    for benchmark in dict.fromkeys(benchmark for benchmark, _ in run.tallies):
        think, adaptive, no_think = (
            run.tallies.get((benchmark, mode)) for mode in ("think", "adaptive", "no_think")
        )
        found.append(
            Obedience(
                benchmark,
                think and _share(think, thinking=True),
                no_think and _share(no_think, thinking=False),
                adaptive and _share(adaptive, thinking=True),
            )
        )
    return found


def by_difficulty(run: Scored, mode: str = "adaptive") -> list[Level]:
    """What a run does in a mode, by benchmark and difficulty."""
    found = []
    for (benchmark, asked), tally in run.tallies.items():
        if asked == mode:
            for name, rows in groups(tally.difficulty):
                part = tally.only(rows)
                means = (part.mean(c).mean for c in (part.thought, part.tokens, part.correct))
                found.append(Level(benchmark, name, len(part.questions), *means))
    return found


def sentences(run: Scored) -> list[str]:
    """What the shares say of a run, in words."""
    told = []
    found = {one.benchmark: one for one in obedience(run)}
    for name, one in found.items():
        says = []
        if one.think:
            says.append(f"asked to think, it does in {_percent(one.think.share)}")
        if one.no_think:
            says.append(f"asked not to, it does not in {_percent(one.no_think.share)}")
        if one.adaptive:
            says.append(f"left alone, it thinks in {_percent(one.adaptive.share)}")
        told.append(f"in {name}, {'; '.join(says)}{_with_difficulty(run, name)}.")
    return told + _elsewhere(found)


def _share(tally: Tally, *, thinking: bool) -> Share:
    values = tally.thought if thinking else ~tally.thought
    return wilson(tally.mean(values).mean, len(tally.questions))


def wilson(share: float, n: int) -> Share:
    """Wilson's interval of a share of n."""
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return Share(share, min(share, middle - half), max(share, middle + half), n)


def change(before: Share, after: Share) -> tuple[float, float]:
    """Newcombe's 95% interval of the difference of two shares of different questions."""
    step = after.share - before.share
    down = math.hypot(after.share - after.low, before.high - before.share)
    up = math.hypot(after.high - after.share, before.share - before.low)
    return step - down, step + up


def _with_difficulty(run: Scored, benchmark: str) -> str:
    """From the easiest to the hardest problems, if the data has difficulties."""
    found = [level for level in by_difficulty(run) if level.benchmark == benchmark]
    if len(found) < 2:
        return ""
    easy, hard = found[0], found[-1]
    return (
        f" (from difficulty {easy.difficulty} to {hard.difficulty}: {_percent(easy.thought)} to "
        f"{_percent(hard.thought)}, {easy.tokens:,.0f} to {hard.tokens:,.0f} tokens, "
        f"{_percent(easy.correct)} to {_percent(hard.correct)} right)"
    )


def _elsewhere(found: dict[str, Obedience]) -> list[str]:
    """Whether control holds where the student was not trained."""
    home = found.get(TRAINED_ON)
    told = []
    for name, words in ELSEWHERE.items():
        away = found.get(name)
        if not home or not away:
            continue
        for mode, before, after in (
            ("Think", home.think, away.think),
            ("No-Think", home.no_think, away.no_think),
        ):
            if not before or not after:
                continue
            low, high = change(before, after)
            if low <= 0 <= high:
                verdict = f"as often, give or take ({100 * low:+.1f} to {100 * high:+.1f} points)"
            else:
                word = "more" if low > 0 else "less"
                near, far = sorted((abs(low), abs(high)))
                verdict = f"{100 * near:.1f} to {100 * far:.1f} points {word} often"
            told.append(f"on {words} ({name}) it obeys {mode} {verdict}.")
    return told


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if 0.1 <= share <= 0.9 else f"{100 * share:.1f}%"
