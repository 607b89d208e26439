r"""The answer that a reply gives, and whether it is the reference: numbers, expressions, words.

    "so the area is $\boxed{\frac{1}{2}}$"     \frac{1}{2}   the same as 0.5
    "The speed is 15 km/h."                    15 km/h       the same as 15
    "The answer is blue."                      blue

Where texts and plain numbers do not agree, math-verify compares them as mathematics.
"""

from __future__ import annotations

import logging
import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from boxes import boxes

LONGEST = 300
"""An answer with more characters is compared as text alone: parsing could take for ever."""
SECONDS = 20
"""By the clock, so with room for a busy machine: a score must not depend on that."""

HEAD = re.compile(
    r"(?i:\banswer\b[^.\n:=]{0,40}?(?:\bis\b|\bare\b|\bbe\b|:|=|\n))[\s:*_]*"
    r"(?i:(?:therefore|thus|simply|equal to|approximately|about|exactly)\s+)*"
)
HASHES = re.compile(r"####\s*(.+)")
BOLD = re.compile(r"(\*\*|__)(.+?)\1")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|\n+")
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
SAYS = re.compile(r"(?:\b(?:is|are|be|equals?|gives|shows|was|of|to|at)\b|=|(?<!\d):|≈)\s*")
EACH = re.compile(r"\b([a-z])\s*=[^=]+(?:,|\bor\b|\band\b)\s*\1\s*=.+")  # x = 3 or x = -2
FRACTION = re.compile(r"[-−]?\d+\s*/\s*\d+(?=[\s.,;:)]|$)")
MORE = re.compile(r"\s*(?:or|and|to|[-–])\s*[-−]?\d")
NUMBER = re.compile(
    r"(?P<sign>[-−+]?)\s*[$€£¥]?\s*(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?|\.\d+)"
    r"(?!\d)"
)
# Behind a number: a unit in letters, a degree, a percent sign, a power of the unit.
UNIT = re.compile(
    r"(?!\s*(?:or|and|to)\b)(?:\s*(?:%|°[CF]?|percent\b)|\s*[A-Za-z€$£¥°µΩ]{2,}"
    r"|\s+[A-Za-z€$£¥°µΩ]\b)[\w\s/^²³·*.-]*$"
)
WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20,
}  # fmt: skip
UNICODE = {
    "−": "-", "×": r"\times ", "·": r"\cdot ", "÷": "/", "π": r"\pi ", "∞": r"\infty ", "²": "^2",
    "³": "^3", "≤": r"\le ", "≥": r"\ge ", "∪": r"\cup ", "½": r"\frac{1}{2}", "–": "-",
    "∈": r"\in ", "°": r"^\circ",
}  # fmt: skip
ROOT = re.compile(r"√\s*(?:\(([^()]+)\)|(\d+|[a-z]))")
# What changes the looks of LaTeX and not its meaning.
LOOKS = re.compile(
    r"\\(?:left|right|displaystyle|,|;|!|:|quad|qquad| )|\\\s|[$~]|\{,\}(?=\d{3})|^\\[\[(]|\\[\])]$"
)
TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")


class Stated(NamedTuple):
    """The answer of a reply: its text, and whether that is a whole answer or begins with one."""

    text: str
    whole: bool


def final_answer(text: str) -> Stated | None:
    """The last answer of a text: boxed, stated, bold, or the end of the last sentence."""
    boxed = [box for box in boxes(text) if box.inside.strip()]
    heads = [head.end() for head in HEAD.finditer(text)]
    stated = next((place for place in reversed(heads) if _tail(text, place)), None)
    if boxed and (stated is None or stated < boxed[-1].end or boxed[-1].start >= stated):
        return Stated(boxed[-1].inside.strip(), True)
    if hashes := HASHES.findall(text):
        return Stated(hashes[-1].strip(), True)
    if stated is not None:
        return Stated(_tail(text, stated), False)
    if bold := [match[2].strip(" .:") for match in BOLD.finditer(text)]:
        return Stated(bold[-1], True)
    sentences = [one.strip() for one in SENTENCE.split(text.strip()) if one.strip()]
    if not sentences:
        return None
    last = sentences[-1].rstrip(".!")
    if formulas := FORMULA.findall(last):
        return Stated("".join(formulas[-1]).strip(), True)
    if each := EACH.search(last):
        return Stated(each[0], True)
    numbers = list(NUMBER.finditer(last))
    if says := list(SAYS.finditer(last)):
        end = last[says[-1].end() :].strip()
        if end and not (numbers and re.match(r"(?:an?|the|each|all)\b", end)):
            return Stated(end, False)
    if len(last.split()) == 1:
        return Stated(last, True)
    return Stated(numbers[-1][0].strip() if numbers else last, bool(numbers))


def same(stated: Stated, reference: str) -> bool:
    """Whether an answer is the reference."""
    wanted = _plain(reference)
    for text in _readings(stated):
        found = _plain(text)
        if found == wanted:
            return True
        number, of = _number(wanted), _number(found)
        if number is not None and of is not None and number == of:
            return True
        if number is None and re.fullmatch(r"[a-z][a-z' -]*", wanted):
            if _says_word(found, wanted):
                return True
            continue  # words are no mathematics
        if _verified(text, reference):
            return True
    return False


def _tail(text: str, place: int) -> str:
    """What is stated: the rest of the sentence."""
    rest = text[place:].lstrip()
    sentence = SENTENCE.split(rest, maxsplit=1)[0] if rest else ""
    return sentence.strip().rstrip(".!").strip().strip("*_").strip().rstrip(".")


def _readings(stated: Stated) -> list[str]:
    """The answer as it stands, and what it begins with: a formula, or a number with its unit."""
    text = stated.text
    readings = [text]
    if not stated.whole:
        formula = FORMULA.match(text)
        if formula:
            readings.append("".join(part or "" for part in formula.groups()))
        number = FRACTION.match(text) or NUMBER.match(text)
        after = text[number.end() :] if number else ""
        goes_on = re.match(r"\s*[-+*/^=×·]", after) or MORE.match(after)
        if number and re.match(r"[\s,;:)]|%|$", after) and not goes_on:
            readings.append(number[0])
    return readings


def _plain(text: str) -> str:
    """One spelling for what means the same."""
    text = ROOT.sub(lambda match: rf"\sqrt{{{match[1] or match[2]}}}", text)
    for sign, latex in UNICODE.items():
        text = text.replace(sign, latex)
    text = re.sub(r"\\[dt]frac", r"\\frac", text)
    text = TEXT.sub(r" \1", LOOKS.sub("", text.replace(r"\$", "").replace(r"\%", "%")))
    text = re.sub(r"\^\{?\\circ\}?|\\degree", "°", text).strip().rstrip(".").strip()
    return " ".join(text.lower().split()) if re.search(r"[a-z]{2}", text) else text.replace(" ", "")


def _number(text: str) -> Decimal | None:
    """A number, with or without its unit; None if it is no plain number."""
    if text in WORDS:
        return Decimal(WORDS[text])
    text = re.sub(r"^[a-z]\s*=\s*", "", text)
    match = NUMBER.match(text)
    if match is None or (text[match.end() :] and not UNIT.match(text[match.end() :])):
        return None
    digits = match["digits"]
    digits = digits.replace(",", "") if re.search(r",\d{3}", digits) else digits.replace(",", ".")
    try:
        return Decimal(("-" if match["sign"] in ("-", "−") else "") + digits)
    except InvalidOperation:
        return None


def _says_word(found: str, wanted: str) -> bool:
    """Whether a text says a word, and does not deny it."""
    denied = rf"(?:not|never|no|n't)\s+(?:\w+\s+)?{re.escape(wanted)}\b"
    return bool(re.search(rf"\b{re.escape(wanted)}\b", found)) and not re.search(denied, found)


def _verified(found: str, reference: str) -> bool:
    """math-verify's judgement."""
    if len(found) > LONGEST or re.search(r"\^\{?\d*\^|\^\{?\d{4}|\d{60}", found):
        return False
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # what it cannot read is not news
    gold = parse(f"${_latex(reference)}$", parsing_timeout=SECONDS)
    told = parse(f"${_latex(found)}$", parsing_timeout=SECONDS)
    if not gold or not told:
        return False
    if re.search(r"[<>≤≥]|\\[lg]eq?\b", found) and reference.lstrip()[:1] in ("(", "["):
        gold, told = told, gold  # it takes an interval for an inequality, but in this order alone
    return bool(verify(gold, told, strict=True, timeout_seconds=SECONDS))


def _latex(text: str) -> str:
    text = re.sub(r"(?<=[\d)}])\s*\b(?:or|and)\b", ",", text)
    if EACH.fullmatch(text):
        text = re.sub(r"\b[a-z]\s*=\s*", "", text)
    text = re.sub(r"^(?:\\pm|±)\s*(.+)$", r"\1, -\1", text.strip())
    text = ROOT.sub(lambda match: rf"\sqrt{{{match[1] or match[2]}}}", text.strip())
    for sign, latex in UNICODE.items():
        text = text.replace(sign, latex)
    return FORMULA.sub(lambda match: "".join(part or "" for part in match.groups()), text)
