"""The letter that a reply decides for, out of free text.

    "A is too large, C too small. **Answer: B**"  ->  B
    "The answer is A. Wait, the sign is wrong: it is C."  ->  C
    "The answer is either B or C."  ->  None

Statements come first, the last of them counts; without one, a line that begins with a letter does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from boxes import MARKED, mark_boxes

WRAPPERS = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathsf|mathit|bf|rm|emph)\s*(?=\{)"
    r"|\$|\\[()\[\],;! ]|[`\"“”]"
)
BOLD = re.compile(r"(\*\*|__)(.+?)\1", re.DOTALL)

# Words between "the answer is" and its letter.
FILLER = (
    r"(?:(?:therefore|thus|hence|clearly|indeed|then|most|likely|probably|definitely|actually|still"
    r"|certainly|simply|now|in|fact|the|option|choice|letter|answer|statement|number)\b[,:]?\s*)*"
)
NAMES = r"(?:answer|option|choice|statement|pick|guess|letter|antwort|respuesta|réponse|risposta)"
CHOOSES = (
    r"choose|chose|pick|select|say|guess|answer with|go(?:ing)? with|opt for|settle on"
    r"|decide (?:on|for)|vote for|correspond(?:s|ing)? to|match(?:es)?|conclude"
)
SAYS = r"(?:\bis\b|['’]s\b|\bbe\b|\bare\b|\bist\b|\bes\b|\best\b|：|:|=|\s[-–—]|\n)"


# Between "answer" and "is": nothing that denies.
BETWEEN = r"(?:(?!\b(?:not|cannot|never|incorrect|wrong|false)\b|n['’]t\b)[^.\n:=⟦]){0,40}?"
REVERSAL = re.compile(
    r"(?i)\b(?:wait|actually|however|but|hmm|no|correction|rather|instead|sorry)\b"
)


class Found(NamedTuple):
    """A decision in the text."""

    place: int
    letter: str | None  # None: it names several


class Patterns(NamedTuple):
    """What is looked for, with so many options."""

    statements: list[re.Pattern[str]]  # "the answer is C"
    remarks: list[re.Pattern[str]]  # "C is correct", "I choose C"
    lines: list[re.Pattern[str]]  # "C) because …"
    several: re.Pattern[str]  # " or B": the letter before is one of several


@lru_cache
def _patterns(options: int) -> Patterns:
    last = chr(ord("A") + options - 1)
    upper, both = f"A-{last}", f"A-{last}a-{last.lower()}"
    # A letter is no part of a word. A small one, or A and I, may be a word: another follows then.
    goes_on = r"(?:because|since|due|with|which|that|but|not|(?:as|and|or|is|in|for)\b)"
    word = rf"(?!\s+(?!{goes_on})[a-z])"
    pre, post = r"(?<![\w\\])[(\[{<']*", r"[)\]}>']*(?![\w’]|-\w)"
    capital = rf"{pre}(?P<letter>[{upper}]){post}"
    any_case = rf"{pre}(?P<letter>[{both}]){post}(?=\s*(?:$|[.,;:!)\n⟧]|because|since))"
    strict = rf"{pre}(?P<letter>[{upper}]){post}{word}"
    statements = [
        rf"(?i:\b{NAMES}\b{BETWEEN}{SAYS}\s*[⟦(]*{FILLER}){capital}",
        rf"(?i:\b{NAMES}\b{BETWEEN}{SAYS}\s*{FILLER}){any_case}",
        rf"答案[^A-Za-z\n]{{0,8}}{capital}",
        rf"(?i:\b(?:correction|corrected|rather|instead|conclusion)\s*[:,]\s*{FILLER}){capital}",
    ]
    remarks = [
        rf"(?i:\bit(?:'s| is| must be| should be| has to be)\s+{FILLER}){strict}",
        rf"{capital}\s+(?:is|must be|would be|seems|appears|looks)\s+(?:therefore |thus |clearly )?"
        r"(?:the |my )?(?:only )?(?:most )?"
        r"(?:correct|right|true|answer|best|final|one that|likely|valid|appropriate)\b",
        rf"{capital}\s+(?:fits|holds|matches|works|satisfies|remains)\b(?! not)",
        rf"(?i:\b(?:actually|wait|sorry|hmm|no)\b[,:.…]*\s*{FILLER}){capital}(?=\s*(?:[.!\n]|$))",
        rf"(?i:\b(?:{CHOOSES})\s+{FILLER}){strict}",
    ]
    lines = [
        rf"^\W*(?i:(?:{NAMES}\s+)?){any_case}\W*$",
        rf"^\W*{pre}(?P<letter>[{upper}])[)\]}}]*\s*(?:[.:),–—]|-\s|because\b|since\b|as\b)",
        rf"^\W*{pre}(?P<letter>[{both}])[)\]}}]\s",
    ]
    several = re.compile(
        rf"\s*(?:,|/|&|\bor\b|\band\b)\s*(?:{NAMES}\s+)?[(\[]?[{upper}]\b[)\]]?(?!\w)"
    )
    flags = re.MULTILINE
    return Patterns(
        [re.compile(pattern) for pattern in statements],
        [re.compile(pattern) for pattern in remarks],
        [re.compile(pattern, flags) for pattern in lines],
        several,
    )


def final_letter(text: str, options: int) -> str | None:
    """The letter of the last decision; None if there is none, or if it names several."""
    bold = [match[2].strip() for match in BOLD.finditer(text)]
    marked = mark_boxes(text)
    plain = WRAPPERS.sub("", BOLD.sub(r"\2", marked)).replace("{", "").replace("}", "")
    patterns = _patterns(options)

    def found(kind: list[re.Pattern[str]]) -> list[Found]:
        several = patterns.several
        return [
            Found(m.end(), None if several.match(plain, m.end()) else m["letter"].upper())
            for pattern in kind
            for m in pattern.finditer(plain)
        ]

    stated = [*found(patterns.statements), *_boxed(plain, options)]
    remarks = found(patterns.remarks)
    if not stated:
        opening = _from_lines(plain.strip(), bold, patterns.lines, options)
        if opening and not (remarks and REVERSAL.search(plain)):
            return opening
        if not remarks:
            return None
    last = max(stated, key=_place, default=Found(-1, None))
    # A remark behind the answer is about some option, unless the reply turns round.
    later = [one for one in remarks if one.place > last.place]
    if later and (not stated or REVERSAL.search(plain, last.place, max(later, key=_place).place)):
        last = max(later, key=_place)
    return last.letter


def _place(found: Found) -> int:
    return found.place


def _boxed(plain: str, options: int) -> list[Found]:
    """The boxes with a letter in them."""
    found = [_in_box(match, options) for match in MARKED.finditer(plain)]
    return [one for one in found if one is not None]


def _in_box(match: re.Match[str], options: int) -> Found | None:
    inside = match[1].strip()
    told = re.match(r"(?i:option|choice|answer)?\s*:?\s*[(\[]?([A-Za-z])[)\]]?(?![\w'])", inside)
    if told is None or ord(told[1].upper()) - ord("A") >= options:
        return None
    if re.match(r"\s*(?:,|/|&|or\b|and\b)\s*[(\[]?[A-Z]\b", inside[told.end() :]):
        return Found(match.end(), None)
    # An expression that begins with a letter, such as "a + b", is none.
    if re.match(r"\s*[-+*/=^_]", inside[told.end() :]):
        return None
    return Found(match.end(), told[1].upper())


def _from_lines(
    text: str, bold: list[str], lines: list[re.Pattern[str]], options: int
) -> str | None:
    """A letter that stands alone, or opens a line, where nothing is stated."""
    begin = [match["letter"].upper() for pattern in lines for match in pattern.finditer(text)]
    if len(set(re.findall(r"(?<!\w)\(?([A-Z])\)", text))) > 2:
        begin += ["several"]  # the options, written down once more
    if len(set(begin)) == 1:
        return begin[0]
    if begin:  # the options are gone through; the last line may still be a letter alone
        last = lines[0].match(text.rpartition("\n")[2])
        return last["letter"].upper() if last else None
    for inside in reversed(bold):
        told = re.match(r"\W*([A-Z])\W*$", inside)
        if told and ord(told[1]) - ord("A") < options:
            return told[1]
    said = r"(?:[,:;→⇒>]|\b(?:so|thus|hence|therefore|gives|means))\s*(?:option |choice )?"
    end = re.search(said + r"\(?([A-Z])\)?\W*$", text)
    if end and ord(end[1]) - ord("A") < options:
        return end[1]
    return None
