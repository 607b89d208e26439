"""Words of questions as numbers: what deduplication and decontamination compare.

    "A car goes 60 km/h for 3 h. How far?"
    a  car  go…  60      km    /         h     for   3       h     how   far
    STOP    WORD NUMBER  UNIT  SIGN      UNIT  STOP  NUMBER  UNIT  STOP  WORD

Case, white space, punctuation, and how LaTeX looks do not count; numbers, operators, units and
negations have a kind of their own. A word is a 32-bit hash of its spelling: words of a million
questions take some hundred megabytes, not gigabytes. Two words of one pair of questions share a
hash by chance once in some ten million pairs.
"""

import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

import numpy as np
import xxhash
from numpy.typing import NDArray

from builders.words.lexicon import (
    ASKING,
    LAYOUT,
    NEGATIONS,
    NO_SIGNS,
    NUMBERS,
    OPERATOR_COMMANDS,
    OPERATORS,
    SAME,
    STOP,
    UNIT_SYMBOLS,
    UNIT_WORDS,
)

_Integer = TypeVar("_Integer", bound=np.integer[Any])

VERSION = 2
"""Raise it when a text may get other words than before."""


class Kind(IntEnum):
    """What a word is; from NUMBER on it belongs to a question's signature."""

    NOTHING = 0  # punctuation, layout
    BREAK = 1  # where a sentence ends
    STOP = 2
    WORD = 3
    VARIABLE = 4
    NUMBER = 5
    SIGN = 6  # of a formula: +, =, \\frac
    OPERATOR = 7  # in words: less, largest, per
    UNIT = 8
    NEGATION = 9
    # Until their neighbours are known:
    UNIT_OR_VARIABLE = 10
    UNIT_OR_WORD = 11
    SIGN_OR_NOTHING = 12  # a bracket
    SIGN_OR_BREAK = 13  # (n + 2)!


class Words(NamedTuple):
    """The words of texts, one text after another: text i has those from offsets[i] to [i + 1]."""

    hashes: NDArray[np.uint32]
    kinds: NDArray[np.uint8]
    starts: NDArray[np.bool_]  # the first of a sentence
    names: NDArray[np.bool_]  # begins with a capital letter, and not because a sentence does
    offsets: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        """For each word, which text it belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


_UNITS = (Kind.UNIT, Kind.UNIT_OR_VARIABLE, Kind.UNIT_OR_WORD)
_OPERATING = (Kind.SIGN, Kind.OPERATOR)
_CAPITAL = 16  # above the bits of a kind
_HASH_AT, _CASE_AT = 8, 40
_CASE = np.uint32(0x9E3779B9)
_MOST_REMEMBERED = 500_000  # spellings; numbers have no end

_STOP = frozenset(STOP.split())
_ASKING = frozenset(ASKING.split())
_NEGATIONS = frozenset(NEGATIONS.split())
_OPERATORS = frozenset(OPERATORS.split())
_LAYOUT = frozenset(LAYOUT.split())
_OPERATOR_COMMANDS = frozenset(OPERATOR_COMMANDS.split())
_NO_SIGNS = frozenset(NO_SIGNS)
_ENDS = frozenset(".?!;:\n…。？！।؟")
_MARKS = "\u0300-\u036f\u20d0-\u20ff"  # above or below a letter: x̄
_MARK = re.compile(f"[{_MARKS}]")
_BRACKETS = frozenset("()[]{}⦃⦄")

_NO_SPACES = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # scripts whose words are not set apart
_LETTER = f"[^\\W\\d_{_NO_SPACES}]"
_TOKEN = re.compile(
    rf"{_LETTER}{{2,}}(?:'{_LETTER}+)?"  # the most frequent first: a third of the time
    rf"|\d+(?::\d+)+"  # 3:4
    # 1,000.5 and 5! and 5' 6"
    rf"|(?:\d+(?:,\d{{3}})+(?!\d)|\d+)(?:\.\d+)?(?:!|['\"]+(?!{_LETTER}))?|\.\d+"
    rf"|{_LETTER}(?:[#{_MARKS}]+|['!]+(?!{_LETTER}))"  # C# and x̄, f'(x) and n!
    rf"|{_LETTER}(?:'{_LETTER}+)?"
    rf"|[)\]}}⦄](?:!+|'+(?!{_LETTER}))"  # (n + 2)! and (A ∪ B)'
    rf"|\\[A-Za-z]+"
    rf"|\*\*|<=|>=|!=|==|->"
    rf"|[^\s\w]|[{_NO_SPACES}]|\n"
)
_HYPHEN = re.compile(rf"(?<={_LETTER}{{2}})(?:[-‐‑–—]| +[-–—]{{1,3}} +)(?={_LETTER}{{2}})|—")
_PREFIXED = re.compile(
    "[fpnμmkMGT](?:[mgsAKNJWVFHTCLlSMΩ]|mol|Hz|Pa|eV|bar|cal|rad|Bq|Gy|Sv|Wb)|[cdh](?:m|g|L|l|Pa)"
)
_TENS_AND_ONES = re.compile(
    "(twen|thir|for|fif|six|seven|eigh|nine)ty[- ](one|two|three|four|five|six|seven|eight|nine)"
    r"(?![-\w])",  # thirty two-digit numbers are thirty
    re.IGNORECASE,
)
_SHORT_FRACTION = re.compile(r"\\([dtc]?frac)\s*(\d)\s*(\d)")
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|rm)\s*\{([^{}]*)\}")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}")
_LATEX_SPACE = re.compile(r"\\[,;:!> ()\[\]]|\\\\|\\(?=[%$&#_{}])|~|&")
_DEGREES = re.compile(r"\^\s*(?:\\circ|\{\s*\\circ\s*\})")
_SINGLE_BRACED = re.compile(rf"\{{\s*(\d+|{_LETTER}+|\\[A-Za-z]+)\s*\}}")
_SET = re.compile(r"(?<![\^_])\{([^{}]*)\}")
_QUOTED_NUMBER = re.compile(r"""(["'])(\d[\d.,]*)\1""")
_BOLD = re.compile(r"(?<!\w)\*\*(?=\S)([^*\n]+)(?<=\S)\*\*(?!\w)")
_SUPERSCRIPTS = str.maketrans({
    **{character: f"^{digit}" for digit, character in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{character: str(digit) for digit, character in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "’": "'", "‘": "'", "“": '"', "”": '"',
    "′": "'", "″": "''", "´": "'", "♯": "#",
})  # fmt: skip


def read_words(texts: Iterable[str]) -> Words:
    """The words of texts.

    What is left out (punctuation, layout) has no place in the result.
    """
    packed = array("Q")
    ends = array("q", [0])
    remembered = _Remembered()
    for text in texts:
        packed.extend(map(remembered.__getitem__, _TOKEN.findall(prepared(text))))
        ends.append(len(packed))
    codes = np.frombuffer(packed, np.uint64)
    return _resolved(codes, np.frombuffer(ends, np.int64))[0]


def words_with_places(text: str) -> tuple[Words, list[tuple[int, int]]]:
    """The words of a text, and where each stands in `prepared(text)`."""
    found = list(_TOKEN.finditer(prepared(text)))
    remembered = _Remembered()
    codes = np.array([remembered[one[0]] for one in found], np.uint64)
    words, kept = _resolved(codes, np.array([0, len(codes)]))
    return words, [found[place].span() for place in kept.tolist()]


def prepared(text: str) -> str:
    """A text as it is divided into words: without what only changes how it looks."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_SUPERSCRIPTS))
    if text.isupper():
        text = text.lower()
    if "ty-" in text or "ty " in text:
        text = _TENS_AND_ONES.sub(_in_digits, text)
    if "\\" in text:
        text = text.replace("\\{", "⦃").replace("\\}", "⦄")
        text = _SHORT_FRACTION.sub(r"\\\1 \2 \3 ", _ENVIRONMENT.sub(" ", text))
        text = _TEXT_COMMAND.sub(r" \1 ", text)
        text = _LATEX_SPACE.sub(" ", _DEGREES.sub("°", text))
    elif "{" in text:  # no LaTeX, in which they only group
        text = _SET.sub(r"⦃\1⦄", text)
    if '"' in text or "'" in text:
        text = _QUOTED_NUMBER.sub(r" \2 ", text)
    if "{" in text:
        text = _SINGLE_BRACED.sub(r" \1 ", text)
    if "**" in text:
        text = _BOLD.sub(r" \1 ", text)
    if "-" in text or not text.isascii():
        text = _HYPHEN.sub(" ", text)
    return text


def _in_digits(number: re.Match[str]) -> str:
    """Twenty-one is 21, and neither twenty nor one."""
    tens, ones = NUMBERS[f"{number[1].lower()}ty"], number[2].lower()
    return tens[0] + ("1" if ones == "one" else NUMBERS[ones])


class _Remembered(dict[str, int]):
    """Of a spelling its kind, whether it begins with a capital letter, and its hash, in one number.

    Above the hash of what may be a unit stands which of its letters are capitals.
    """

    def __missing__(self, spelling: str) -> int:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        word, kind = _meaning(spelling)
        capital = _CAPITAL if spelling[0].isupper() else 0
        case = 0
        if kind in _UNITS:
            case = sum(1 << place for place, letter in enumerate(word) if letter.isupper())
        if kind in _UNITS or len(word) == 1:  # H and h are one variable, and two units
            word = word.lower()
        hashed = xxhash.xxh3_64_intdigest(word) & 0xFFFFFFFF
        self[spelling] = code = case << _CASE_AT | hashed << _HASH_AT | capital | kind
        return code


def _meaning(spelling: str) -> tuple[str, Kind]:
    """The word that a spelling stands for, and its kind."""
    first = spelling[0]
    if first.isdigit() or (first == "." and len(spelling) > 1):
        return _number(spelling), Kind.NUMBER
    if first == "\\":
        return _command(spelling[1:])
    if not first.isalpha():
        return _sign(spelling)
    lower = spelling.lower()
    if lower.endswith("n't") or lower in _NEGATIONS:
        return "not", Kind.NEGATION
    if spelling in UNIT_SYMBOLS:  # without a number before it, it may be anything else
        kind = Kind.UNIT_OR_VARIABLE if len(spelling) == 1 else Kind.UNIT_OR_WORD
        return UNIT_SYMBOLS[spelling], kind
    if _PREFIXED.fullmatch(spelling):
        return spelling.replace("l", "L") if len(spelling) == 2 else spelling, Kind.UNIT_OR_WORD
    return _word(lower.removesuffix("'s"))


def _word(lower: str) -> tuple[str, Kind]:
    if lower in UNIT_WORDS:
        return UNIT_WORDS[lower], Kind.UNIT
    if lower in NUMBERS:
        return NUMBERS[lower], Kind.NUMBER
    if lower in _OPERATORS:
        return SAME.get(lower, lower), Kind.OPERATOR
    if lower in _STOP:
        return lower, Kind.STOP
    if lower in _ASKING:
        return "find", Kind.STOP
    if not lower[0].isascii() and lower in SAME:
        return SAME[lower], Kind.VARIABLE
    if lower[-1] == "#":  # C# and F#
        return lower, Kind.OPERATOR
    single = not lower[1:2].isalpha() and lower[0] < "\u3040"
    return lower, Kind.VARIABLE if single else Kind.WORD


def _number(spelling: str) -> str:
    """3.50 is 3.5, and 1,000 is 1000; in a ratio and before a factorial or a mark, too."""
    number = spelling.replace(",", "").replace("''", '"')
    number, mark = number.rstrip("!'\""), number[len(number.rstrip("!'\"")) :]
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return (number.lstrip("0") or "0") + mark


def _command(name: str) -> tuple[str, Kind]:
    if name in _LAYOUT:
        return "", Kind.NOTHING
    same = SAME.get(name, name)
    if same in _OPERATOR_COMMANDS or not same.isalpha():
        return same, Kind.SIGN
    return (same, Kind.UNIT) if same in UNIT_WORDS else (same, Kind.VARIABLE)


def _sign(spelling: str) -> tuple[str, Kind]:
    """Whatever is not known to be nothing is a sign: of ♠ and ♥ each is what is asked for."""
    if spelling in _ENDS:
        return "", Kind.BREAK
    if spelling[0] in _BRACKETS:
        kind = Kind.SIGN_OR_BREAK if spelling[-1] == "!" else Kind.SIGN_OR_NOTHING
        return SAME.get(spelling[0], spelling[0]) + spelling[1:], kind
    same = SAME.get(spelling, spelling)
    if same in UNIT_WORDS:
        return UNIT_WORDS[same], Kind.UNIT
    category = unicodedata.category(spelling[0])
    if spelling in _NO_SIGNS or category[0] == "C":
        return "", Kind.NOTHING
    if category[0] == "M" and not _MARK.fullmatch(spelling):  # a vowel of Hindi
        return spelling, Kind.WORD
    if category[0] == "M" or spelling in "&@~":
        return spelling, Kind.SIGN_OR_NOTHING
    return ("^" if spelling == "**" else "=" if spelling == "==" else same), Kind.SIGN


def _resolved(
    codes: NDArray[np.uint64], ends: NDArray[np.int64]
) -> tuple[Words, NDArray[np.int64]]:
    """Decide on what depends on the neighbours, leave out what is nothing, say what is kept."""
    something = (codes & 15) != Kind.NOTHING
    codes, ends = codes[something], np.r_[0, np.cumsum(something)][ends]
    kinds = (codes & 15).astype(np.uint8)
    hashes = (codes >> _HASH_AT).astype(np.uint32)
    capital = (codes & _CAPITAL) > 0
    first = np.zeros(len(codes) + 1, np.bool_)
    first[ends] = True
    first = first[:-1]
    undecided = (kinds == Kind.UNIT_OR_VARIABLE) | (kinds == Kind.UNIT_OR_WORD)
    if undecided.any():
        _decide_units(kinds, np.flatnonzero(undecided), first)
    case = (codes >> _CASE_AT).astype(np.uint32)  # of units alone it counts: mW and MW
    hashes ^= np.where(kinds == Kind.UNIT, case * _CASE, np.uint32(0))
    before = np.where(first, Kind.BREAK, np.roll(kinds, 1))
    after = np.roll(np.where(first, Kind.BREAK, kinds), -1)
    formula = (Kind.NUMBER, Kind.SIGN, Kind.VARIABLE, Kind.SIGN_OR_NOTHING, Kind.SIGN_OR_BREAK)
    in_formula = np.isin(before, formula) | np.isin(after, formula)
    for kind, else_ in ((Kind.SIGN_OR_NOTHING, Kind.NOTHING), (Kind.SIGN_OR_BREAK, Kind.BREAK)):
        these = kinds == kind
        kinds[these] = np.where(in_formula[these], Kind.SIGN, else_)
    keep = kinds > Kind.BREAK
    # A bracket before the first word of a sentence may be left out.
    sentence = np.cumsum(first | (kinds == Kind.BREAK))
    starts = np.diff(sentence[keep], prepend=0) > 0
    names = capital[keep] & ~starts & (kinds[keep] == Kind.WORD)
    places = np.r_[0, np.cumsum(keep)]
    kept = np.flatnonzero(something)[keep]
    return Words(hashes[keep], kinds[keep], starts, names, places[ends]), kept


def _decide_units(
    kinds: NDArray[np.uint8], places: NDArray[np.int64], first: NDArray[np.bool_]
) -> None:
    """A symbol is a unit behind a number, and behind an operator that follows a unit: m/s."""
    variables = kinds[places] == Kind.UNIT_OR_VARIABLE
    inner = places[~first[places]]
    unit = np.zeros(len(kinds), np.bool_)
    unit[inner] = kinds[inner - 1] == Kind.NUMBER
    inner = inner[inner >= 2]
    inner = inner[np.isin(kinds[inner - 1], _OPERATING) & ~first[inner - 1]]
    for _ in range(2):  # kg * m / s
        unit[inner] |= unit[inner - 2] | (kinds[inner - 2] == Kind.UNIT)
    otherwise = np.where(variables, Kind.VARIABLE, Kind.WORD)
    kinds[places] = np.where(unit[places], Kind.UNIT, otherwise)


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers as evenly spread ones: the finalizer of splitmix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def distinct(values: NDArray[_Integer]) -> NDArray[_Integer]:
    """Each value once, sorted: as np.unique, which hashes first and takes 50 times as long."""
    ordered = np.sort(values)
    first: NDArray[np.bool_] = np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)]
    once: NDArray[_Integer] = ordered[first]
    return once


def joined(parts: Sequence[Words]) -> Words:
    """The words of several parts, one after another."""
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return Words(
        np.concatenate([part.hashes for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.names for part in parts]),
        np.r_[0, np.cumsum(lengths)],
    )
