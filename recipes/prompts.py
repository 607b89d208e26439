"""What a student is asked: the user's message, the same on every engine.

    Which gas do plants take in?

    A) oxygen
    B) carbon dioxide

    Answer with the letter of the right option.

    Think carefully before you answer.

The last line is the instruction of a mode. Nothing says "step by step": it would spoil a mode
without thinking.
"""

from __future__ import annotations

import hashlib
import json

import modes
from questions import LETTERS, SHUFFLING, Question, pose

Texts = dict[str, str | None]

WORDING = 1
"""Raise it when a prompt changes."""

LETTER_HINT = "Answer with the letter of the right option."
HINTS = {"math_500": "Put the final answer in \\boxed{}."}
"""What is added to a question without options; nothing, where the data has its own way."""


def message(benchmark: str, question: Question, mode: str, seed: int, texts: Texts) -> str:
    """What the user says: question, options, the form of the answer, the mode's instruction."""
    parts = [question.text]
    if question.options:
        posed = pose(question, seed)
        lines = [f"{LETTERS[place]}) {option}" for place, option in enumerate(posed.options)]
        parts += ["\n".join(lines), LETTER_HINT]
    elif benchmark in HINTS:
        parts.append(HINTS[benchmark])
    return modes.ask("\n\n".join(parts), mode, texts)


def prompt_hash(benchmark: str, mode: str, texts: Texts) -> str:
    """A hash of what a prompt is made of, without the questions."""
    parts = (WORDING, SHUFFLING, LETTER_HINT, HINTS.get(benchmark), texts[mode], "A) B)")
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
