"""A trace as the student reads it: tokens of the prompt, tokens of the response, its steps.

    prompt     "<|im_start|>user\\nWhat is 7 + 5?<|im_end|>\\n<|im_start|>assistant\\n"
    response   "<think>\\n7 + 5 = 12.\\n</think>\\n\\nThe answer is 12."
    steps       ^ 0 ------------------------- ^ 1

The response is what `messages` of a published row holds, without the end of the turn, which
templates write differently. Where the template opens the thinking itself, the prompt ends so. A
token belongs to the step of its first character that is no white space, and one without such a
character to the step before it; so `</think>` belongs to the last step of the reasoning, and
`<think>` to the first step. All of this is our choice.
"""

import datetime
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.errors import BadOption
from builders.traces import join_reply

Tokens = NDArray[np.int64]

_DAY = datetime.datetime(2024, 7, 26)
"""The day that templates are told, so that a score does not depend on when it was made."""
_OPENING = "<think>\n"
_INK = re.compile(r"\S")


class Encoded(NamedTuple):
    """A trace in tokens; `steps` are the places in `response` at which steps begin, 0 first."""

    prompt: Tokens
    response: Tokens
    steps: Tokens


class Steps(NamedTuple):
    """The offsets at which steps begin in the reasoning and in the answer."""

    reasoning: Sequence[int]
    answer: Sequence[int]


def prompt_text(tokenizer: Any, question: str) -> str:
    """The question in the student's chat format, up to where the student begins to write.

    Raises:
        BadOption: the template does not take it.
    """
    import jinja2

    try:
        text: str = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}],
            tokenize=False,
            add_generation_prompt=True,
            strftime_now=_DAY.strftime,
        )
    except jinja2.TemplateError as error:
        raise BadOption(f"--student: its chat template fails on a question: {error}") from error
    return text


def encode(tokenizer: Any, prompt: str, reasoning: str, answer: str, steps: Steps) -> Encoded:
    """Tokens and steps of a trace.

    Args:
        tokenizer: a fast one of transformers.
        prompt: see `prompt_text`.
        reasoning: of the trace.
        answer: of the trace.
        steps: where they begin.
    """
    reply = join_reply(reasoning, answer)
    opened = _already_open(prompt)
    starts = _starts(reasoning, answer, steps)
    starts = [max(start - opened, 0) for start in starts]
    reply = reply[opened:]
    encoded = tokenizer(
        prompt + reply, add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    ids = np.array(encoded["input_ids"], np.int64)
    offsets = np.array(encoded["offset_mapping"], np.int64).reshape(-1, 2) - len(prompt)
    behind = np.flatnonzero(offsets[:, 1] > 0)
    first = behind[0] if len(behind) else len(ids)
    places = _first_inks(reply, offsets[first:])
    number = np.searchsorted(starts, places, side="right") - 1
    # A token without ink has place -1 and goes with the one before it.
    number = np.maximum.accumulate(np.maximum(number, 0))
    is_first = np.r_[True, np.diff(number) > 0][: len(number)]
    return Encoded(ids[:first], ids[first:], np.flatnonzero(is_first))


def _already_open(prompt: str) -> int:
    """How many characters of `<think>\\n` stand at the end of the prompt."""
    if prompt.endswith(_OPENING):
        return len(_OPENING)
    return len(_OPENING) - 1 if prompt.endswith(_OPENING.rstrip()) else 0


def _starts(reasoning: str, answer: str, steps: Steps) -> list[int]:
    """Where steps begin in the whole reply; the tags belong to the steps beside them."""
    before_answer = len(join_reply(reasoning, ""))
    found = [len(_OPENING) + start for start in steps.reasoning] if reasoning.strip() else []
    found += [before_answer + start for start in steps.answer] if answer.strip() else []
    return [0, *found[1:]]


def _first_inks(text: str, offsets: Tokens) -> Tokens:
    """For each token the place of its first character that is no white space; -1 without one."""
    ink = np.array([found.start() for found in _INK.finditer(text)], np.int64)
    ink = np.append(ink, len(text) + 1)
    starts, ends = np.maximum(offsets[:, 0], 0), offsets[:, 1]
    places = ink[np.searchsorted(ink, starts)]
    return np.where(places < ends, places, -1)
