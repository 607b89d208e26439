r"""Whether two answers come to the same for certain, so that no judge need be asked.

    "The answer is 42."                "42"        the same: numbers
    "so it is $\boxed{\frac{1}{2}}$"   "0.5"       the same: mathematics
    "I get 42."                        "42"        not certain: who knows what else was got

Only sameness is ever certain, and only where the results stand out: boxed, behind `####`, behind
"the answer is" at the end, or alone. Whether texts differ is for the judge to say.
"""

import importlib.util
import logging
import multiprocessing
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal, InvalidOperation

from builders.errors import BadOption

_LONGEST = 200
_SECONDS = 5
_BOX = r"\boxed{"
_STATED = re.compile(r"(?i)(?:^|[.!?\n]\s*)(?:so |thus |therefore |hence )?,?\s*(?:the |my )?"
                     r"(?:final )?answer(?: is|:)\s*((?:(?![.!?]\s)[^\n]){1,200})\s*$")  # fmt: skip
_HASHES = re.compile(r"(?:^|\n)####\s*([^\n]+)\s*$")
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[-+]?\.\d+")
# The commands are those that can only be meant in one way. What sets words and units is none of
# them: math-verify leaves both out, so that 5 V would be 5 A, and m/s would be m/s².
_MATHEMATICS = re.compile(
    r"[\s\d+\-*/^=.()\[\]{}|!,<>_]|\\[,;:! ]|(?<![A-Za-z])[A-Za-z](?![A-Za-z])|"
    r"\\(?:left|right|[dt]?frac|[dt]?binom|sqrt|cdot|times|div|sin|cos|tan|log|ln|exp|infty|pi|"
    r"alpha|beta|gamma|delta|epsilon|theta|lambda|mu|rho|sigma|phi|omega|cup|cap|leq?|geq?|neq?)"
    r"(?![A-Za-z])"
)
_TOWER = re.compile(r"\^\{?\d*\^|\^\{?\d{4}|\d{60}")  # what no computer finishes


class Equality:
    """Decides for many pairs at once; mathematics goes to processes, which begin when needed.

    math-verify takes 10 to 500 ms for a pair, and ends what takes too long by an alarm, which only
    the main thread of a process can set.
    """

    def __init__(self) -> None:
        self._processes: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """End the processes."""
        if self._processes:
            self._processes.shutdown(cancel_futures=True)

    def certainly_same(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Whether the two answers of each pair are the same beyond doubt."""
        found = [_quickly(*pair) for pair in pairs]
        hard = [both for both in found if not isinstance(both, bool)]
        decided = self._mathematics(hard)
        return [both if isinstance(both, bool) else next(decided) for both in found]

    def _mathematics(self, pairs: list[tuple[str, str]]) -> Iterator[bool]:
        if not pairs:
            return iter(())
        if importlib.util.find_spec("math_verify") is None:
            raise BadOption(
                "comparing formulas needs math-verify: pip install 'naturalthoughts[judge]'"
            )
        if self._processes is None:
            context = multiprocessing.get_context("spawn")
            self._processes = ProcessPoolExecutor(mp_context=context)
        return self._processes.map(same_mathematics, pairs, chunksize=16)


def _quickly(first: str, second: str) -> bool | tuple[str, str]:
    """Whether two answers are the same, or the two formulas on which that depends."""
    if plain(first) == plain(second):
        return True
    one, other = result(first), result(second)
    if one is None or other is None:
        return False
    if one == other:
        return True
    numbers = _number(one), _number(other)
    if None not in numbers:
        return numbers[0] == numbers[1]
    if len(one) == len(other) == 1:  # two choices, or two variables
        return False
    both = is_formula(one) and is_formula(other)
    return (one, other) if both else False


def result(answer: str) -> str | None:
    """The result that stands out in an answer, if one does: stated, or alone in one line."""
    found, text = stated(answer), answer.strip().replace("**", "")
    return plain(text) if found is None and "\n" not in text and len(text) <= _LONGEST else found


def stated(answer: str) -> str | None:
    """The result that an answer says is one: boxed, behind `####` or "the answer is"."""
    boxes = {plain(box) for box in _boxed(answer)}
    if boxes:
        return boxes.pop() if len(boxes) == 1 else None
    text = answer.strip().replace("**", "")
    for pattern in (_HASHES, _STATED):
        if found := pattern.search(text):
            return plain(found[1])
    return None


def plain(text: str) -> str:
    """One spelling: white space, a full stop at the end, dollar signs around a formula."""
    text = " ".join(text.split()).removesuffix(".").strip()
    for mark in ("$$", "$"):
        inside = text.removeprefix(mark).removesuffix(mark)
        if len(text) >= 2 * len(mark) and text == f"{mark}{inside}{mark}" and "$" not in inside:
            text = inside.strip()
    return text


def _boxed(text: str) -> list[str]:
    """What stands in each \\boxed{…}, braces within it included."""
    found, start = [], text.find(_BOX)
    while start >= 0:
        depth, end = 1, start + len(_BOX)
        while end < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        if depth:
            break
        found.append(text[start + len(_BOX) : end - 1])
        start = text.find(_BOX, end)
    return found


def _number(text: str) -> Decimal | None:
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None


def is_formula(text: str) -> bool:
    """Whether there is nothing in it but a formula: no words, no units, no per cent, no list."""
    reads = 0 < len(text) <= _LONGEST and not _MATHEMATICS.sub("", text)
    return reads and not _TOWER.search(text) and not _lists(text)


def _lists(text: str) -> bool:
    """Whether a comma stands outside of brackets: who knows whether the order counts."""
    depth = 0
    for mark in text.replace(r"\,", ""):
        depth += (mark in "([") - (mark in ")]")
        if mark == "," and depth == 0:
            return True
    return False


def same_mathematics(pair: tuple[str, str]) -> bool:
    """math-verify's judgement of two formulas."""
    from math_verify import LatexExtractionConfig, parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # what it cannot read is not news
    only: list[object] = [LatexExtractionConfig()]  # the other one evaluates what it reads
    parsed = [parse(f"${text}$", only, parsing_timeout=_SECONDS) for text in pair]
    if not all(parsed):
        return False
    return bool(verify(*parsed, strict=True, timeout_seconds=_SECONDS))
