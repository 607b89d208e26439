r"""Where the steps of a text begin: by sentence, or by paragraph. The text is never rewritten.

>>> text = "Let $x = 1.5$. Then, e.g. by Eq. 2, it is 3.\nSo: 3."
>>> [text[a:b] for a, b in itertools.pairwise([*sentences(text), len(text)])]
['Let $x = 1.5$. ', 'Then, e.g. by Eq. 2, it is 3.\n', 'So: 3.']

Sentences are found by the library sentencex, in a copy of the same length in which what it would
stumble over is masked: mathematics, code, the marks of lists. Besides, a line is a sentence, unless
the next one goes on with a small letter; code and mathematics are in one piece; and what holds no
letter or digit belongs to the step before it. All of that is our choice: the paper says
"sentences".
"""

import itertools
import re
from collections.abc import Callable, Sequence

_PROTECTED = re.compile(
    r"""
      ^[ ]{0,3}(?P<fence>```|~~~).*?(?:^[ ]{0,3}(?P=fence)[`~]*[ ]*$|\Z)   # a block of code
    | \$\$.{1,5000}?\$\$ | \\\[.{1,5000}?\\\] | \\\(.{1,5000}?\\\)
    | \\begin\{(?P<name>\w{1,30}\*?)\}.{0,5000}?\\end\{(?P=name)\}
    | (?<![\\$\w])\$(?![\s$])[^$\n]{1,500}?\$(?![\d$])   # in a line; not "$5 and $6"
    | `[^`\n]{1,5000}`
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_LIST_MARK = re.compile(r"^[ \t]*(?:\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,4})[.)]|[-*+•#>]+)(?=\s)", re.M)
_NO_END = re.compile(
    # "Eq. 2", and the sign of the factorial in "3! = 6".
    r"\b(?:Eqs?|Figs?|Thm|Prop|Lem|Cor|Def|Secs?|Ch|Nos?|Ex|Ref|Tab|pp?|approx|resp|vs)"
    r"(?P<dot>\.)(?=\s\(?[\d$x])|(?<=[\w)])(?P<bang>!)(?=\s*[-=+*/^,<>)])"
)
_VARIABLE = re.compile(
    r"(?<=[a-z,]) [a-z](?=\.\s+[A-Z](?:[a-z]|\s))"
)  # "find x. Hmm" is no initial
_LAST_DOT = re.compile(r"\.\s*(?:\$\$?|\\\]|\\\)|\\end\{\w+\*?\})\Z")
_BEGINS = re.compile(r"\s+[A-Z]")
_LINE_BREAK = re.compile(r"\n\s*")
_GOES_ON = re.compile(r"[a-z]{2,}[\s,]")
_INK = re.compile(r"\S")
_WORD = re.compile(r"\w")

Splitter = Callable[[str], list[int]]


def sentences(text: str) -> list[int]:
    """The offsets at which sentences begin; the first is 0."""
    import sentencex

    masked = _masked(text)
    starts = set()
    line = 0
    for end in [*_line_ends(masked), len(masked)]:
        piece = masked[line:end]
        for found in sentencex.get_sentence_boundaries("en", piece):
            starts.add(line + found["start_index"])
        line = end
    return _steps(text, sorted(starts))


def paragraphs(text: str) -> list[int]:
    """The offsets at which paragraphs begin, which are apart by an empty line."""
    masked = _masked(text)
    breaks = [found.end() for found in re.finditer(r"\n[^\S\n]*\n\s*", masked)]
    return _steps(text, breaks)


SPLITTERS: dict[str, Splitter] = {"sentence": sentences, "paragraph": paragraphs}


def _masked(text: str) -> str:
    """A copy of the same length without what hides or fakes the end of a sentence."""
    text = _PROTECTED.sub(_as_word, text)
    text = _LIST_MARK.sub(lambda found: _letters(found.group()), text)
    text = _NO_END.sub(lambda found: _letters(found.group()), text)
    text = _VARIABLE.sub("xx", text)
    return text.replace(".)", ").").replace(".]", "].")


def _letters(text: str) -> str:
    return "x" * len(text)


def _as_word(found: re.Match[str]) -> str:
    """One long word, which ends a sentence if the formula does and no small letter follows."""
    ends = _LAST_DOT.search(found.group()) and _BEGINS.match(found.string, found.end())
    return _letters(found.group())[:-1] + ("." if ends else "x")


def _line_ends(masked: str) -> list[int]:
    """Where a new line begins that does not go on with the sentence before it."""
    ends = []
    for found in _LINE_BREAK.finditer(masked):
        before = masked[found.start() - 1 : found.start()]
        whole = "\n" in found.group()[1:] or before in set(".!?:;。！？")
        if whole or not _GOES_ON.match(masked, found.end()):
            ends.append(found.end())
    return ends


def _steps(text: str, starts: Sequence[int]) -> list[int]:
    """These offsets, moved to the next ink, without those of steps that have no word."""
    edges: list[int] = []
    for start in starts:
        if edges and start <= edges[-1]:
            continue
        ink = _INK.search(text, start)
        if ink is None:
            break
        edges.append(ink.start())
    kept = [0]
    # A piece without a word joins the one before it, the first one the one behind it.
    for start, end in itertools.pairwise([*edges, len(text)]):
        if _WORD.search(text, start, end) and _WORD.search(text, kept[-1], start):
            kept.append(start)
    return kept
