"""The published configs: a selector, a size, and how System-1 and System-2 are mixed.

disagree-10k     the first 10,000 of the selector `disagree`, all System-2
mix-p40-10k      the first 10,000 of `random`, System-2 with probability 0.4
"""

import difflib
import re
from typing import NamedTuple

from builders.errors import UnknownConfig
from builders.mixing import INSTRUCTED_SHARE, Mixing
from builders.selectors import SELECTORS, Selector


class Config(NamedTuple):
    """A subset that users load by its name."""

    name: str
    selector: str
    size: int
    mixing: Mixing

    @property
    def rule(self) -> Selector:
        """The selector that ranks its rows."""
        return SELECTORS[self.selector]

    @property
    def ranking(self) -> str:
        """The name of its ranking: configs with the same one take the same rows."""
        return f"{self.selector}, judged" if self.mixing.rule == "difficulty" else self.selector

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns without which it cannot be built."""
        return tuple(dict.fromkeys((*self.rule.needs, *self.mixing.needs)))

    @property
    def words(self) -> str:
        """Its rule in one sentence."""
        return "; ".join(filter(None, (self.rule.rule.rstrip("."), self.mixing.words))) + "."


class Family(NamedTuple):
    """The configs that differ in size only, and what they are good for."""

    selector: str
    mixing: Mixing
    sizes: tuple[str, ...]
    purpose: str
    not_for: str


_ALL_SIZES = ("1k", "10k", "100k", "500k")  # the paper's sizes
_THINK = Mixing("think")


def _random_mix(p: float) -> Family:
    return Family(
        "random",
        Mixing("random", p=p, instructed_share=INSTRUCTED_SHARE),
        ("10k",),
        f"a student that can think or answer directly, {p:.0%} of it thinking",
        "the best score whatever it costs: a student of pure System-2 data thinks longer",
    )


FAMILIES: dict[str, Family] = {
    "random": Family(
        "random",
        _THINK,
        _ALL_SIZES,
        "the baseline that every other config has to beat, and the largest sizes",
        "small budgets, where `disagree` and `strategies` did better in the paper",
    ),
    "disagree": Family(
        "disagree",
        _THINK,
        _ALL_SIZES,
        "hard questions, where a long trace has something to teach; the paper's best at 10k",
        "easy questions: the student sees none; at 500k it was no better than random",
    ),
    "strategies": Family(
        "strategies",
        _THINK,
        _ALL_SIZES,
        "traces that check themselves, go back and try another way",
        "short replies: rich traces are long ones",
    ),
    "topics": Family(
        "topics",
        _THINK,
        ("1k", "10k"),
        "the same share of every domain, to study domains",
        "the best score: in the paper uniform domains did worse than random",
    ),
    "semantic": Family(
        "semantic",
        _THINK,
        ("1k", "10k"),
        "questions that differ from each other as much as the pool allows",
        "pools whose clusters are few or badly separated",
    ),
    "long": Family(
        "long",
        _THINK,
        ("1k", "10k"),
        "long reasoning",
        "students that are trained with a short context: they cannot read it",
    ),
    "verbose": Family(
        "verbose",
        _THINK,
        ("1k", "10k"),
        "studying wordiness, against `concise`",
        "the best score: the signal was weak in the paper",
    ),
    "concise": Family(
        "concise",
        _THINK,
        ("1k", "10k"),
        "studying wordiness, against `verbose`, and cheap training",
        "the best score: the signal was weak in the paper",
    ),
    "natural": Family(
        "natural",
        _THINK,
        ("1k", "10k"),
        "one of several teachers' responses to each question: the one whose steps your student "
        "expects most",
        "another student than the one that scored; compare it with `natural-matched`",
    ),
    "global-natural": Family(
        "global-natural",
        _THINK,
        ("1k", "10k"),
        "studying local naturalness, against `natural`",
        "long traces: the longer the text before it, the more probable any step becomes",
    ),
    "natural-matched": Family(
        "natural-matched",
        _THINK,
        ("1k", "10k"),
        "the control of `natural`: its questions, with each teacher as often as by chance",
        "the best score: it is there to tell responses from teachers",
    ),
    "mix-p20": _random_mix(0.2),
    "mix-p40": _random_mix(0.4),
    "mix-p60": _random_mix(0.6),
    "mix-difficulty": Family(
        "random",
        Mixing("difficulty", instructed_share=INSTRUCTED_SHARE),
        ("10k",),
        "a student that thinks where it is needed; the paper's best mix",
        "pools without disagreement labels that you trust",
    ),
    "system1": Family(
        "random",
        Mixing("no_think"),
        ("10k",),
        "the lower bound: what the answers teach without the reasoning",
        "teaching a student to reason",
    ),
}

_NAME = re.compile(r"(?P<family>[a-z0-9]+(?:-[a-z0-9]+)*)-(?P<size>[1-9][0-9]{0,8}k?)")


def published() -> list[Config]:
    """Every published config, in the order of the card."""
    return [parse_config(f"{name}-{size}") for name, f in FAMILIES.items() for size in f.sizes]


def family_of(name: str) -> str:
    """The part of a config's name before its size."""
    return name.rpartition("-")[0]


def parse_config(name: str) -> Config:
    """The config of this name: `<family>-<size>`, of any size, say `disagree-2k` or `long-500`.

    Raises:
        UnknownConfig: there is no such family, or no size; the message names the nearest.
    """
    match = _NAME.fullmatch(name)
    if match and match["family"] in FAMILIES:
        found, digits = FAMILIES[match["family"]], match["size"]
        rows = int(digits.rstrip("k")) * (1000 if digits.endswith("k") else 1)
        return Config(name, found.selector, rows, found.mixing)
    family, _, size = name.rpartition("-")
    near = difflib.get_close_matches(family or name, FAMILIES, n=1, cutoff=0.5)
    size = size if re.fullmatch("[1-9][0-9]*k?", size) else "10k"
    hint = f"did you mean '{near[0]}-{size}'? " if near else ""
    raise UnknownConfig(
        f"config '{name}': {hint}a name is <family>-<size>, like disagree-10k; "
        f"families: {', '.join(FAMILIES)}"
    )
