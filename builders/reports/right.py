"""Whether an answer is right, as far as that can be read off it and its reference.

    reference   answer                        right
    42          The answer is 42.             yes
    42          I get 24 jars.                no
    west        It should be east.            no
    42          I am not sure.                not known
    42          First 40, then 2 more …       not known: who knows which number is meant

For measuring only: no row is kept or dropped by it. Sameness alone would not do: if only right
answers could be recognised, nothing could be compared. So where both results are plain, a number
with or without a unit or a word or two, other results count as wrong; and so do formulas that
math-verify, where it is installed, does not find equal.
"""

import importlib.util
import re
from collections.abc import Sequence
from decimal import Decimal

from builders.judges.equality import Equality, is_formula, plain, result, stated

_SHORT = 80  # characters of a reply that says its result and nothing else
_LEAD = re.compile(
    r"(?i)^(?:so |thus |therefore |hence )?,?\s*(?:i get|it (?:is|should be)|that is)\s*"
)
_NUMBER = re.compile(r"([-+−]?)\s*[$€£]?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)\s*(.*)")
_UNIT = re.compile(r"%|°?[A-Za-z€$£µ][\w/²³ ]{0,20}")
# What is part of the number, or may be: 50%, 2 million, 1e6, 3pi, 2x, and so 5 m as well.
_COUNTS = re.compile(
    r"%|per ?cent|dozen|hundred|thousand|million|billion|trillion|pi\b|[a-z](?![a-z])"
)
_CHOICE = re.compile(r"\([a-z]\)")
_ARTICLE = re.compile(r"^(?:(?:to|at|on|in) )?(?:(?:an?|the) )?")
Pair = tuple[str, str]


def all_right(pairs: Sequence[Pair | None], equality: Equality) -> list[bool | None]:
    """The same as `right` of each reference and answer, and of formulas as well.

    Args:
        pairs: None where there is no reference, or no answer.
        equality: compares formulas.
    """
    found = [right(*pair) if pair else None for pair in pairs]
    if importlib.util.find_spec("math_verify") is None:
        return found
    open_ones = [
        (row, pair)
        for row, pair in enumerate(pairs)
        if pair and found[row] is None and _are_formulas(*pair)
    ]
    same = equality.certainly_same([pair for _, pair in open_ones])
    for (row, _), is_same in zip(open_ones, same, strict=True):
        found[row] = is_same
    return found


def _are_formulas(*answers: str) -> bool:
    """Whether math-verify can tell them apart: the results are formulas, and no two quantities."""
    results = [result(answer) or "" for answer in answers]
    return all(map(is_formula, results)) and not all(_number(_plain(one)) for one in results)


def right(reference: str, answer: str) -> bool | None:
    """Whether an answer is its reference; None where that is not known."""
    if _plain(reference) == _plain(answer):
        return True
    wanted, found = _result(reference), _result(answer)
    if wanted is None or found is None:
        return None
    if wanted == found:
        return True
    numbers = _number(wanted), _number(found)
    if numbers[0] is not None and numbers[1] is not None:
        return _same_quantity(numbers[0], numbers[1])
    return _same_words(wanted, found)


def _plain(text: str) -> str:
    text = plain(text.replace("**", "")).lower()
    return text[1] if _CHOICE.fullmatch(text) else text


def _result(text: str) -> str | None:
    """The result that a reply states, if it states one."""
    found = stated(text)
    if found is not None:
        return _plain(found)
    text = text.strip().replace("**", "")
    if len(text) > _SHORT or "\n" in text:
        return None
    lead = _LEAD.match(text)
    rest = _plain(text[lead.end() :] if lead else text)
    most = 4 if lead else 3  # without a lead, a few words may be anything: "I do not know"
    return rest if 0 < len(rest.split()) <= most else None


def _number(text: str) -> tuple[Decimal, str] | None:
    """A number and its unit; None if it is something else."""
    found = _NUMBER.fullmatch(text)
    if not found or (found[3] and not _UNIT.fullmatch(found[3])):
        return None
    sign = "-" if found[1] in ("-", "−") else ""
    return Decimal(sign + found[2].replace(",", "")), found[3].strip()


def _same_quantity(one: tuple[Decimal, str], other: tuple[Decimal, str]) -> bool | None:
    if one[1] != other[1] and ((one[1] and other[1]) or _COUNTS.match(one[1] or other[1])):
        return None  # 1 km is 1000 m, and 1 km is not 1 m; 50% is not 50
    return one[0] == other[0]


def _same_words(one: str, other: str) -> bool | None:
    if any(c.isdigit() or c in "\\=^_{}/" for c in one + other):
        return None
    one, other = _ARTICLE.sub("", one), _ARTICLE.sub("", other)
    if one == other:
        return True
    if len(one) == len(other) == 1:
        return False  # letters of a choice
    within = f" {one} " in f" {other} " or f" {other} " in f" {one} "
    return None if within or len(one) < 2 or len(other) < 2 else False
