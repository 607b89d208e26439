"""A family of problems as data, and how its phrasings are filled in.

One entry is a whole family: which skeleton it has, and how that skeleton is told.

    Family(
        name="seed-jars", domain="Agronomy", topic="seed stock", skeleton="running_total",
        things=(("jar", "jars"), ("bag", "bags")), marks=(DAYS, WEEKS),
        says={
            "open": ("{who} keeps {n} {t} of seed",),
            "up": ("{mark} {who} buys {n} more {t}", "{mark} {who} fills {n} new {t}"),
            "down": ("{mark} {who} sells {n} {t}",),
            "ask": ("How many {ts} of seed does {who} have in the end?",),
        },
    )

Placeholders: ``{n}`` a number; ``{t}`` the thing, singular for 1; ``{ts}`` its plural; ``{are}``,
``{were}`` and ``{have}``, which agree with n; ``{who}`` and ``{other}`` the persons; ``{mark}`` the
mark that opens the clause; and what a skeleton adds, such as ``{k}`` or ``{legs}``.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from builders.sources.demo.marks import DAYS, NAMES, TIMES

T = TypeVar("T")

LATEST_START = 5  # so that marks beyond the twelfth occur in the pool, too


class Family(NamedTuple):
    """A family of problems: a skeleton, and the wording of one trade or subject."""

    name: str
    domain: str  # one of the 13 SuperGPQA disciplines
    topic: str
    skeleton: str  # a key of skeletons.SKELETONS
    says: Mapping[str, tuple[str, ...]]  # the phrasings of each part that the skeleton asks for
    things: tuple[tuple[str, str], ...] = (("", ""),)  # what is counted: singular and plural
    marks: tuple[tuple[str, ...], ...] = (DAYS,)
    who: tuple[str, ...] = NAMES
    labels: tuple[str, ...] = ()  # the named states of a cycle


class Teller:
    """The choices of wording that hold through one question: persons, thing, marks."""

    def __init__(self, family: Family, rng: random.Random) -> None:
        self.family = family
        self.rng = rng
        self.who, self.other = rng.sample(family.who, 2)
        self.thing, self.things = pick(rng, family.things)
        self.marks = pick(rng, family.marks)
        self.said: dict[str, str] = {}
        self.open = self.style("open")
        # time may set in later than at its first week, but the first of three crates comes first
        late = self.marks in TIMES and rng.random() < 0.5
        self._used = int(rng.random() * LATEST_START) if late else 0

    def style(self, part: str) -> str:
        """A phrasing of a part, to be used more than once."""
        return pick(self.rng, self.family.says[part]) if part in self.family.says else ""

    def mark(self) -> str:
        """The next mark."""
        self._used += 1
        return self.marks[self._used - 1]

    def say(self, part: str, n: int = 0, **words: str | int) -> str:
        """The part's phrasing in this question, filled in.

        A question has one phrasing for each kind of change, so that its clauses differ in their
        mark, their number and their verb, and a small student knows which of them to look up.
        """
        if part not in self.said:
            self.said[part] = pick(self.rng, self.family.says[part])
        return self.fill(self.said[part], n, **words)

    def clause(self, part: str, n: int = 0, **words: str | int) -> str:
        """The same, opened by the next mark."""
        return self.say(part, n, mark=self.mark(), **words)

    def last(self, clause: str) -> str:
        """A clause that was just made, as the last of its kind: ``In week four finally ...``.

        So whoever reads it knows that there is none to look for after it.
        """
        mark = self.marks[self._used - 1]
        return clause.replace(mark, f"{mark} finally", 1)

    def fill(self, phrasing: str, n: int = 0, **words: str | int) -> str:
        """A phrasing with its placeholders filled in; ``who`` may be overridden."""
        one = n == 1
        fields: dict[str, str | int] = {
            "n": n,
            "t": self.thing if one else self.things,
            "ts": self.things,
            "are": "is" if one else "are",
            "were": "was" if one else "were",
            "have": "has" if one else "have",
            "who": self.who,
            "other": self.other,
        }
        fields.update(words)
        return phrasing.format_map(fields)


def pick(rng: random.Random, options: Sequence[T]) -> T:
    """One of the options; several times quicker than ``rng.choice``."""
    return options[int(rng.random() * len(options))]
