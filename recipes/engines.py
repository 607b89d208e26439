"""The engines that a student answers with, as models of lighteval.

All of them take the same messages, draw from the seed that a question carries, and hand every batch
of replies to `keep` before the next begins, so that a killed run loses one batch at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from lighteval.models.abstract_model import LightevalModel
from lighteval.models.model_input import GenerationParameters
from lighteval.models.model_output import ModelResponse
from lighteval.models.transformers import transformers_model
from preflight import Stop
from scoring import CLOSE, OPEN, take_apart
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

if TYPE_CHECKING:
    from lighteval.tasks.requests import Doc
    from student_facts import Sampling, Student


class Reply(NamedTuple):
    """What a student said."""

    text: str
    tokens: int  # up to and with the first end of text
    thinking_tokens: int
    truncated: bool


Keep = Callable[[Sequence["Doc"], Sequence[Reply]], None]


class _NoCache:
    """lighteval's cache would make a folder inside a student's, and knows prompts by name alone."""

    def __init__(self, *_: Any) -> None:
        pass

    def _init_registry(self, *_: Any) -> None:
        pass


class SeededDraw(LogitsProcessor):
    """Draw each row's token with a number that follows from its prompt, the seed and the step.

    So a reply depends neither on the other rows of its batch nor on what was answered before: a
    run that was killed goes on to the same replies. Processors are all that `generate` lets one
    change, hence every other token is forbidden, and the likeliest one is left.
    """

    def __init__(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], steps: int, how: Sampling
    ):
        self.how = how
        self.step = 0
        self.numbers = torch.tensor(
            np.stack([_generator(*one).random(steps) for one in zip(prompts, seeds, strict=True)])
        )

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Leave one token possible in each row."""
        ranked = (scores.float() / self.how.temperature).softmax(-1).sort(-1, descending=True)
        upto = ranked.values.cumsum(-1)
        # The smallest set of tokens that reaches top_p, as usual.
        last = (upto < self.how.top_p).sum(-1, keepdim=True).clamp(max=scores.shape[-1] - 1)
        numbers = self.numbers[:, self.step : self.step + 1].to(upto)
        place = torch.searchsorted(upto, numbers * upto.gather(-1, last), right=True)
        self.step += 1
        token = ranked.indices.gather(-1, torch.minimum(place, last))
        return torch.full_like(scores, -torch.inf).scatter_(-1, token, 0.0)


def _generator(prompt: Sequence[int], seed: int) -> np.random.Generator:
    told = hashlib.sha256(np.asarray([seed, *prompt], dtype=np.int64).tobytes()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(told[:16], "little")))


class AccelerateModel(transformers_model.TransformersModel):
    """lighteval's own, with seeds, several stop tokens, and memory for long replies.

    What it replaces in 0.13: no seed reaches the sampler, and without `do_sample` in the student's
    generation config nothing is sampled; the scores of all tokens at all steps are kept; of several
    stop tokens one is used; a template's first token is doubled.
    """

    def __init__(self, config: Any, *, sampling: Sampling, keep: Keep):
        transformers_model.SampleCache = _NoCache
        super().__init__(config)
        self.sampling, self.keep = sampling, keep
        self._add_special_tokens = not self.use_chat_template
        told = self.model.generation_config.eos_token_id
        ids = {self.tokenizer.eos_token_id, *(told if isinstance(told, list) else [told])}
        self.stops = sorted(id for id in ids if id is not None)
        self.model.generation_config = GenerationConfig()

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Answer, whatever the temperature: the name is lighteval's."""
        prompts = {id(doc): self.prompt_manager.prepare_prompt(doc) for doc in docs}
        answered = {}
        # The longest first: what does not fit, fails at once.
        for batch in batches(docs, self.batch_size, lambda doc: -len(prompts[id(doc)])):
            replies = self._answer(batch, [prompts[id(doc)] for doc in batch])
            self.keep(batch, replies)
            answered |= {id(doc): reply for doc, reply in zip(batch, replies, strict=True)}
        return [_response(answered[id(doc)], prompts[id(doc)]) for doc in docs]

    def _answer(self, batch: Sequence[Doc], prompts: Sequence[str]) -> list[Reply]:
        special = self.add_special_tokens
        given = self.tokenizer(
            list(prompts), padding=True, add_special_tokens=special, return_tensors="pt"
        )
        given = given.to(self.model.device)
        width = given["input_ids"].shape[1]
        steps = min(int(batch[0].generation_size or 0), self.max_length - width)
        draw = []
        if self.sampling.temperature > 0:
            rows = [
                row[mask.bool()].tolist()
                for row, mask in zip(given["input_ids"], given["attention_mask"], strict=True)
            ]
            draw.append(
                SeededDraw(rows, [doc.specific["seed"] for doc in batch], steps, self.sampling)
            )
        with torch.inference_mode():
            out = self.model.generate(
                **{name: given[name] for name in ("input_ids", "attention_mask")},
                generation_config=GenerationConfig(
                    max_new_tokens=steps,
                    do_sample=False,
                    eos_token_id=self.stops or None,
                    pad_token_id=self.tokenizer.pad_token_id,
                ),
                logits_processor=LogitsProcessorList(draw),
            )
        return [
            self._reply(row.tolist(), opened=prompt.rstrip().endswith(OPEN))
            for row, prompt in zip(out[:, width:], prompts, strict=True)
        ]

    def _reply(self, ids: list[int], *, opened: bool) -> Reply:
        end = next((place for place, id in enumerate(ids) if id in self.stops), None)
        text = self.tokenizer.decode(ids[:end])  # tags of thinking may be special tokens
        text = f"{OPEN}\n{text}" if opened else text
        tokens = len(ids) if end is None else end + 1
        return Reply(text, tokens, self._thinking(text, ids[:tokens]), end is None)

    def _thinking(self, text: str, ids: list[int]) -> int:
        parts = take_apart(text)
        if not (parts.thinking or "").strip():
            return 0
        if not parts.closed:
            return len(ids)
        close = self.tokenizer.convert_tokens_to_ids(CLOSE)
        if close is not None and close in ids:
            return len(ids) - 1 - ids[::-1].index(close)
        before = text.rpartition(CLOSE)[0]
        return min(len(ids), len(self.tokenizer(before, add_special_tokens=False)["input_ids"]))


def batches(docs: Sequence[Doc], size: int, rank: Callable[[Doc], Any]) -> Iterator[list[Doc]]:
    """Questions of one length limit and, as far as they go, one mode together, then by `rank`."""

    def limit(doc: Doc) -> int:
        return doc.generation_size or 0

    order = sorted(docs, key=lambda doc: (limit(doc), doc.specific["mode"], rank(doc)))
    for _, group in groupby(order, limit):
        rows = list(group)
        yield from (rows[at : at + size] for at in range(0, len(rows), size))


def _response(reply: Reply, prompt: Any) -> ModelResponse:
    return ModelResponse(input=prompt, text=[reply.text], output_tokens=[[0] * reply.tokens])


def load(student: Student, keep: Keep) -> LightevalModel:
    """The engine of a student's backend.

    Raises:
        Stop: the student cannot be loaded.
    """
    config = transformers_model.TransformersModelConfig(
        model_name=student.name,
        revision=student.options.revision or "main",
        dtype=student.dtype,
        batch_size=student.batch_size,
        generation_parameters=GenerationParameters(**student.sampling._asdict()),
    )
    try:
        return AccelerateModel(config, sampling=student.sampling, keep=keep)
    except (OSError, ValueError, RuntimeError) as error:
        told = " ".join(str(error).split())[:300]
        raise Stop(f"--model {student.name} cannot be loaded: {told}") from error
