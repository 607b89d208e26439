r"""A model's reply as (reasoning, answer), and back.

>>> split_reply("<think>\n2 and 2 make 4.\n</think>\n\nThe answer is 4.")
Reply(reasoning='2 and 2 make 4.', answer='The answer is 4.')

What counts as a tag, and where the answer starts, is our choice; the paper only says that the
reasoning stands between `<think>` and `</think>` and that the answer follows.
"""

import bisect
import re
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

_OPENING, _CLOSING = "<think>\n", "\n</think>\n\n"
_TAG = re.compile(r"</?think>")
_FENCE = re.compile(r"^[ \t]{0,3}(?:```|~~~)", re.MULTILINE)


class Reply(NamedTuple):
    """One reply: the System-2 part and the System-1 part."""

    reasoning: str
    answer: str


class ThinkNotClosed(ValueError):
    """A reply whose thinking never ends: it was cut off."""


def split_reply(text: str) -> Reply:
    """Divide a reply at its last `</think>`.

    The opening tag may be missing, since chat templates often write it into the prompt. Of several
    blocks everything before the last closing tag is reasoning. Tags that are quoted in code are
    text. A reply without tags is all answer.

    Raises:
        ThinkNotClosed: a `<think>` is not followed by a `</think>`.
    """
    # Fences are looked for only where there are some: the pattern is tried at every character.
    may_be_quoted = "think>" in text and ("```" in text or "~~~" in text)
    fences = [fence.start() for fence in _FENCE.finditer(text)] if may_be_quoted else []
    tags = [tag for tag in _TAG.finditer(text) if not _is_quoted(text, tag, fences)]
    if not tags:
        return Reply("", text.strip())
    last = tags[-1]
    if last.group() == "<think>":
        raise ThinkNotClosed
    pieces = []
    start = 0
    for tag in tags:
        pieces.append(text[start : tag.start()].strip())
        start = tag.end()
    return Reply("\n\n".join(piece for piece in pieces if piece), text[start:].strip())


def join_reply(reasoning: str, answer: str) -> str:
    """The reply that a student is trained to give when it thinks: the inverse of `split_reply`."""
    return f"{_OPENING}{reasoning}{_CLOSING}{answer}"


def join_replies(reasoning: pa.ChunkedArray, answers: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same for columns."""
    return pc.binary_join_element_wise(_OPENING, reasoning, _CLOSING, answers, "")


def _is_quoted(text: str, tag: re.Match[str], fences: list[int]) -> bool:
    """Whether a tag stands inside inline code or a code block.

    It does if an odd number of marks stands on both sides of it. A block that the reasoning opens
    and never closes leaves an even number behind the tag, which then is a real one.
    """
    line_start = text.rfind("\n", 0, tag.start()) + 1
    line_end = text.find("\n", tag.end())
    line_end = len(text) if line_end < 0 else line_end
    before = text.count("`", line_start, tag.start())
    after = text.count("`", tag.end(), line_end)
    if before % 2 and after % 2:
        return True
    fences_before = bisect.bisect(fences, tag.start())
    return bool(fences_before % 2 and (len(fences) - fences_before) % 2)
