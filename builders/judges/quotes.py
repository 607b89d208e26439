"""Whether a quote occurs in a trace: by the same characters, whatever the white space.

A judge that names a strategy has to show where. How many of its quotes occur nowhere says how much
of what it names is invented.
"""

import re
from typing import NamedTuple

from builders.judges.forms import Strategies

_SHORTEST = 6  # characters, without white space; "the" occurs in every trace
_WRAPPED = "\"'“”‘’«»`…"
_SPACES = re.compile(r"\s+")


class Proven(NamedTuple):
    """The strategies of a trace whose quotes occur in it, sorted; and how many quotes do not."""

    strategies: list[str]
    quotes: list[str]
    not_found: int


def proven(found: Strategies, trace: str) -> Proven:
    """The strategies that a judge has shown; of several quotes for one, the first that occurs."""
    text = _plain(trace)
    kept: dict[str, str] = {}
    not_found = 0
    for one in found.strategies:
        quote = _plain(one.quote).strip(_WRAPPED).removesuffix("...").removeprefix("...").strip()
        if len(quote.replace(" ", "")) >= _SHORTEST and quote in text:
            kept.setdefault(one.strategy, quote)
        else:
            not_found += 1
    names = sorted(kept)
    return Proven(names, [kept[name] for name in names], not_found)


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text).strip()
