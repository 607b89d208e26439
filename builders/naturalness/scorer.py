"""How traces are scored, and the scores of the traces of one question.

{"id": "9f0c4e7d21b86a35", "local_naturalness": -1.21, "global_naturalness": -0.97, …}
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from builders.errors import BadOption, NotFinite
from builders.naturalness.boundaries import read_boundaries
from builders.naturalness.encoding import Encoded, Steps, encode, prompt_text
from builders.naturalness.forward import Wanted, log_probabilities
from builders.naturalness.scores import columns_of
from builders.naturalness.splitting import SPLITTERS
from builders.naturalness.student import Student
from builders.naturalness.windows import Window, given_windows, spans_of

TOO_LONG = "longer than the student's context"
_VERSION = 2  # raised when the same response would get another score

Row = dict[str, Any]


class Scorer(NamedTuple):
    """Who scores, what a step sees, what the steps are called, how they are found."""

    student: Student
    window: Window
    steps: str
    find: Callable[[str, str, str], Steps]
    batch_tokens: int

    @property
    def record(self) -> dict[str, Any]:
        """All that a score depends on, for the manifest."""
        return {
            "student": self.student.name,
            "revision": self.student.revision,
            "template": self.student.template,
            "dtype": self.student.dtype,
            "window": self.window.text,
            "steps": self.steps,
            "scorer": _VERSION,
        }

    @property
    def key(self) -> str:
        """A hash of the record."""
        return hashlib.sha256(json.dumps(self.record, sort_keys=True).encode()).hexdigest()[:16]


def make_scorer(student: Student, window: Window, steps: str, *, batch_tokens: int) -> Scorer:
    """How traces are scored.

    Args:
        student: who scores.
        window: what a step sees.
        steps: `sentence`, `paragraph`, or a file of boundaries.
        batch_tokens: how many tokens are run at once, at most.

    Raises:
        BadOption: there is no such way to find steps.
        BadSource: the file of boundaries cannot be read.
    """
    if steps in SPLITTERS:
        split = SPLITTERS[steps]

        def find(key: str, reasoning: str, answer: str) -> Steps:
            return Steps(split(reasoning), split(answer))

        return Scorer(student, window, steps, find, batch_tokens)
    if not Path(steps).exists():
        raise BadOption(f"--steps {steps}: neither {' nor '.join(SPLITTERS)}, nor a file")
    found = read_boundaries(Path(steps))
    return Scorer(student, window, f"file-{found.digest}", found.steps, batch_tokens)


def score_question(scorer: Scorer, question: str, traces: Sequence[Row]) -> list[Row]:
    """The scores of traces of one question, which share the cache of its prompt.

    Args:
        scorer: how.
        question: what was asked.
        traces: `id`, `reasoning` and `answer` of each.

    Raises:
        NotFinite: a token gets no probability.
    """
    student = scorer.student
    text = prompt_text(student.tokenizer, question)
    rows: dict[str, Row] = {}
    by_prompt: dict[bytes, list[tuple[str, Encoded]]] = {}
    for trace in traces:
        key, reasoning, answer = trace["id"], trace["reasoning"], trace["answer"]
        steps = scorer.find(key, reasoning, answer)
        encoded = encode(student.tokenizer, text, reasoning, answer, steps)
        if len(encoded.prompt) + len(encoded.response) > student.context:
            rows[key] = {"id": key, "not_scored": TOO_LONG}
        else:  # a token may reach from the prompt into a response: then the prompts differ
            by_prompt.setdefault(encoded.prompt.tobytes(), []).append((key, encoded))
    for together in by_prompt.values():
        rows |= _score(scorer, together)
    return [rows[trace["id"]] for trace in traces]


def _score(scorer: Scorer, together: Sequence[tuple[str, Encoded]]) -> dict[str, Row]:
    """The scores of responses to the same prompt."""
    import torch

    spans = [spans_of(e.steps.tolist(), len(e.response), scorer.window) for _, e in together]
    wanted = [
        Wanted(encoded.response, span)
        for (_, encoded), own in zip(together, spans, strict=True)
        for span in own
    ]
    prompt = together[0][1].prompt
    try:
        found = iter(
            log_probabilities(
                scorer.student.model, prompt, wanted, batch_tokens=scorer.batch_tokens
            )
        )
    except torch.OutOfMemoryError as error:
        raise BadOption(
            f"--batch-tokens {scorer.batch_tokens}: does not fit into the memory of the device; "
            f"try {max(scorer.batch_tokens // 2, 1)}"
        ) from error
    rows = {}
    for (key, encoded), own in zip(together, spans, strict=True):
        values = list(itertools.islice(found, len(own)))
        if not all(np.isfinite(each).all() for each in values):
            raise NotFinite(
                f"trace {key}: its log-probability is NaN or infinite to {scorer.student.name} in "
                f"{scorer.student.dtype}; try --dtype float32, or look at the weights"
            )
        steps = np.split(given_windows(own, values), encoded.steps[1:])
        rows[key] = {"id": key, **columns_of(values[0], steps)}
    return rows
