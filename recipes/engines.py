"""What the engines that a student answers with have in common.

All of them get the same messages and draw from the seed that a question carries. Each hands every
batch of replies to `keep` before the next begins, so that a killed run loses one batch at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from lighteval.models.model_output import ModelResponse
from preflight import Stop
from scoring import CLOSE, OPEN, take_apart

if TYPE_CHECKING:
    from lighteval.models.abstract_model import LightevalModel
    from lighteval.tasks.requests import Doc
    from student_facts import Student


class Reply(NamedTuple):
    """What a student said."""

    text: str
    tokens: int  # up to and with the first end of text
    thinking_tokens: int
    truncated: bool


Keep = Callable[[Sequence["Doc"], Sequence[Reply]], None]


def load(student: Student, keep: Keep) -> LightevalModel:
    """The engine of a student's backend.

    Raises:
        Stop: the student cannot be loaded or reached.
    """
    if student.backend == "endpoint":
        from engine_endpoint import EndpointModel

        return EndpointModel(student, keep)
    try:
        if student.backend == "vllm":
            from engine_vllm import load_vllm

            return load_vllm(student, keep)
        from engine_accelerate import load_accelerate

        return load_accelerate(student, keep)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        told = " ".join(str(error).split())[:300]
        raise Stop(
            f"--model {student.name} cannot be loaded by {student.backend}: {told}"
        ) from error


def batches(docs: Sequence[Doc], size: int, rank: Callable[[Doc], Any]) -> Iterator[list[Doc]]:
    """Questions of one length limit and, as far as they go, one mode together, then by `rank`."""

    def limit(doc: Doc) -> int:
        return doc.generation_size or 0

    order = sorted(docs, key=lambda doc: (limit(doc), doc.specific["mode"], rank(doc)))
    for _, group in groupby(order, limit):
        rows = list(group)
        yield from (rows[at : at + size] for at in range(0, len(rows), size))


def read_reply(ids: list[int], tokenizer: Any, stops: Sequence[int], *, prompt: str) -> Reply:
    """A reply from its tokens, which may go on behind the first end of text."""
    end = next((place for place, id in enumerate(ids) if id in stops), None)
    tokens = ids[: len(ids) if end is None else end + 1]
    text = tokenizer.decode(ids[:end])  # special tokens too: those of thinking may be some
    if prompt.rstrip().endswith(OPEN):  # some templates open the thinking
        text = f"{OPEN}\n{text}"
    thinking = 0
    parts = take_apart(text)
    if (parts.thinking or "").strip():
        close = tokenizer.convert_tokens_to_ids(CLOSE)
        if not parts.closed:
            thinking = len(tokens)
        elif close in tokens:
            thinking = len(tokens) - 1 - tokens[::-1].index(close)
        else:  # the tag is several tokens
            before = text.rpartition(CLOSE)[0]
            thinking = min(
                len(tokens), len(tokenizer(before, add_special_tokens=False)["input_ids"])
            )
    return Reply(text, len(tokens), thinking, end is None)


def respond(docs: Sequence[Doc], replies: dict[int, Reply]) -> list[ModelResponse]:
    """The replies in lighteval's form and order; it is given no tokens but their number."""
    return [
        ModelResponse(text=[reply.text], output_tokens=[[0] * reply.tokens])
        for reply in (replies[id(doc)] for doc in docs)
    ]


class NoCache:
    """In place of lighteval's cache.

    That one makes its folder inside a student's where this has an absolute path, knows a prompt by
    the name of its function alone, and would keep every reply a second time.
    """

    def __init__(self, *_: Any) -> None:
        pass

    def _init_registry(self, *_: Any) -> None:
        pass
