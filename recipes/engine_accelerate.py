"""The student in this process, by transformers and accelerate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from engines import Keep, NoCache, Reply, read_reply, respond
from lighteval.models.model_input import GenerationParameters
from lighteval.models.transformers import transformers_model
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

if TYPE_CHECKING:
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc
    from student_facts import Sampling, Student


STAGES = (64, 192, 512, 1536, 4096)
"""After so many tokens the replies that go on are put together anew: a batch takes as long as its
longest reply, and most are shorter. Our choice."""

WINDOW = 8
"""So many batches are answered before the next begin; a kill loses those of them that go on."""


@dataclass
class Going:
    """A reply that is being made."""

    doc: Doc
    text: str  # of the prompt
    prompt: list[int]
    seed: int
    limit: int  # tokens of the reply
    said: list[int]


class SeededDraw(LogitsProcessor):
    """Draw each row's token with a number that follows from its prompt, the seed and the step.

    So a reply depends neither on the other rows of its batch nor on what was answered before: a
    run that was killed goes on to the same replies. Processors are all that `generate` lets one
    change, hence every other token is forbidden, and the likeliest one is left.
    """

    def __init__(self, rows: Sequence[Going], steps: int, how: Sampling):
        self.how = how
        self.step = 0
        numbers = [
            generator(row.prompt, row.seed).random(len(row.said) + steps)[len(row.said) :]
            for row in rows
        ]
        self.numbers = torch.tensor(np.stack(numbers))

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


def generator(prompt: Sequence[int], seed: int) -> np.random.Generator:
    """Random numbers of a prompt and a seed."""
    told = hashlib.sha256(np.asarray([seed, *prompt], dtype=np.int64).tobytes()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(told[:16], "little")))


class AccelerateModel(transformers_model.TransformersModel):
    """lighteval's own, with seeds, several stop tokens, and memory for long replies.

    What it replaces in 0.13: no seed reaches the sampler, and without `do_sample` in the student's
    generation config nothing is sampled; the scores of all tokens at all steps are kept; of several
    stop tokens one is used; a template's first token is doubled; a long prompt is cut.
    """

    def __init__(self, config: Any, *, sampling: Sampling, keep: Keep):
        transformers_model.SampleCache = NoCache
        super().__init__(config)
        self.sampling, self.keep = sampling, keep
        self._add_special_tokens = not self.use_chat_template
        told = self.model.generation_config.eos_token_id
        ids = {self.tokenizer.eos_token_id, *(told if isinstance(told, list) else [told])}
        self.stops = sorted(id for id in ids if id is not None)
        self.model.generation_config = GenerationConfig()  # sampling is ours alone

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Answer, at whatever temperature: the name is lighteval's."""
        replies: dict[int, Reply] = {}
        begun = [self._begin(doc) for doc in docs]
        # Short ones together, as far as one can know; long ones go first, for the memory.
        begun.sort(key=lambda one: (one.limit, one.doc.specific["mode"], -len(one.prompt)))
        for window in slices(begun, WINDOW * self.batch_size):
            longest = max(one.limit for one in window)
            for stage in (*(stage for stage in STAGES if stage < longest), longest):
                for batch in slices(window, self.batch_size):
                    ended = self._go_on(batch, stage)
                    if ended:
                        told = [self._reply(one) for one in ended]
                        self.keep([one.doc for one in ended], told)
                        replies |= {id(o.doc): r for o, r in zip(ended, told, strict=True)}
                window = [one for one in window if id(one.doc) not in replies]
        return respond(docs, replies)

    def _begin(self, doc: Doc) -> Going:
        text = self.prompt_manager.prepare_prompt(doc)
        ids = self.tokenizer(text, add_special_tokens=self.add_special_tokens)["input_ids"]
        limit = min(doc.generation_size or self.max_length, self.max_length - len(ids))
        if limit < 1:
            raise ValueError(f"a question has {len(ids)} tokens, and it takes {self.max_length}")
        return Going(doc, text, ids, doc.specific["seed"], limit, [])

    def _go_on(self, batch: Sequence[Going], stage: int) -> list[Going]:
        """Let replies go on up to so many tokens; those that ended."""
        rows = [one.prompt + one.said for one in batch]
        given = self.tokenizer.pad({"input_ids": rows}, return_tensors="pt").to(self.model.device)
        steps = max(min(stage, one.limit) - len(one.said) for one in batch)
        draw = [SeededDraw(batch, steps, self.sampling)] if self.sampling.temperature > 0 else []
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=given["input_ids"],
                attention_mask=given["attention_mask"],
                generation_config=GenerationConfig(
                    max_new_tokens=steps,
                    do_sample=False,
                    eos_token_id=self.stops or None,
                    pad_token_id=self.tokenizer.pad_token_id,
                ),
                logits_processor=LogitsProcessorList(draw),
            )
        ended = []
        for one, new in zip(batch, out[:, given["input_ids"].shape[1] :].tolist(), strict=True):
            one.said += new[: one.limit - len(one.said)]
            if len(one.said) >= one.limit or any(id in self.stops for id in new):
                ended.append(one)
        return ended

    def _reply(self, one: Going) -> Reply:
        return read_reply(one.said, self.tokenizer, self.stops, prompt=one.text)


def slices(rows: Sequence[Going], size: int) -> Iterator[Sequence[Going]]:
    """So many at a time."""
    return (rows[at : at + size] for at in range(0, len(rows), size))


def load_accelerate(student: Student, keep: Keep) -> AccelerateModel:
    """Load a student."""
    config = transformers_model.TransformersModelConfig(
        model_name=student.name,
        revision=student.options.revision or "main",
        dtype=student.dtype,
        batch_size=student.batch_size,
        generation_parameters=GenerationParameters(**student.sampling._asdict()),
    )
    return AccelerateModel(config, sampling=student.sampling, keep=keep)
