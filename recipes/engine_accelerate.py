"""The student in this process, by transformers and accelerate."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from engines import Keep, NoCache, Reply, batches, read_reply, respond
from lighteval.models.model_input import GenerationParameters
from lighteval.models.transformers import transformers_model
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

if TYPE_CHECKING:
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc
    from student_facts import Sampling, Student


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
        numbers = [generator(*one).random(steps) for one in zip(prompts, seeds, strict=True)]
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
        prompts = {id(doc): self.prompt_manager.prepare_prompt(doc) for doc in docs}
        replies: dict[int, Reply] = {}
        # The longest first: what does not fit fails at once.
        for batch in batches(docs, self.batch_size, lambda doc: -len(prompts[id(doc)])):
            answered = self._answer(batch, [prompts[id(doc)] for doc in batch])
            self.keep(batch, answered)
            replies |= {id(doc): reply for doc, reply in zip(batch, answered, strict=True)}
        return respond(docs, replies)

    def _answer(self, batch: Sequence[Doc], prompts: list[str]) -> list[Reply]:
        given = self.tokenizer(
            prompts,
            padding=True,
            add_special_tokens=self.add_special_tokens,
            return_tensors="pt",
        ).to(self.model.device)
        ids, mask = given["input_ids"], given["attention_mask"]
        width = ids.shape[1]
        steps = min(batch[0].generation_size or self.max_length, self.max_length - width)
        if steps < 1:
            raise ValueError(f"a question has {width} tokens, and it takes {self.max_length}")
        draw = []
        if self.sampling.temperature > 0:
            rows = [row[seen.bool()].tolist() for row, seen in zip(ids, mask, strict=True)]
            seeds = [doc.specific["seed"] for doc in batch]
            draw.append(SeededDraw(rows, seeds, steps, self.sampling))
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=GenerationConfig(
                    max_new_tokens=steps,
                    do_sample=False,
                    eos_token_id=self.stops or None,
                    pad_token_id=self.tokenizer.pad_token_id,
                ),
                logits_processor=LogitsProcessorList(draw),
            )
        return [
            read_reply(row.tolist(), self.tokenizer, self.stops, prompt=prompt)
            for row, prompt in zip(out[:, width:], prompts, strict=True)
        ]


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
