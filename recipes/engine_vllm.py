"""The student in vLLM. Not run: lighteval 0.13 wants vLLM 0.10, which wants an older torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine_endpoint import seed_of
from engines import Keep, NoCache, Reply, batches, read_reply, respond
from lighteval.models.model_input import GenerationParameters
from lighteval.models.vllm import vllm_model

if TYPE_CHECKING:
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc
    from student_facts import Sampling, Student

AT_ONCE = 512
"""Questions between two writes; vLLM itself decides how many it computes together. Our choice."""


class VllmModel(vllm_model.VLLMModel):
    """lighteval's own, with a seed for each question, and batches that are kept."""

    def __init__(self, config: Any, *, sampling: Sampling, keep: Keep, at_once: int):
        vllm_model.SampleCache = NoCache
        super().__init__(config)
        self.sampling, self.keep, self.at_once = sampling, keep, at_once

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Answer, at whatever temperature: the name is lighteval's."""
        from vllm import SamplingParams, TokensPrompt

        prompts = {id(doc): self.prompt_manager.prepare_prompt(doc) for doc in docs}
        replies: dict[int, Reply] = {}
        for batch in batches(docs, self.at_once, lambda doc: doc.specific["seed"]):
            texts = [prompts[id(doc)] for doc in batch]
            ids = self.tokenizer(texts, add_special_tokens=not self.use_chat_template)["input_ids"]
            how = [
                SamplingParams(
                    **self.sampling._asdict(),
                    seed=seed_of(doc),
                    max_tokens=doc.generation_size,
                    skip_special_tokens=False,
                )
                for doc in batch
            ]
            out = self.model.generate([TokensPrompt(prompt_token_ids=row) for row in ids], how)
            answered = [
                self._reply(one.outputs[0], text) for one, text in zip(out, texts, strict=True)
            ]
            self.keep(batch, answered)
            replies |= {id(doc): reply for doc, reply in zip(batch, answered, strict=True)}
        return respond(docs, replies)

    def _reply(self, output: Any, prompt: str) -> Reply:
        ids = list(output.token_ids)
        stops = [] if output.finish_reason == "length" else ids[-1:]
        return read_reply(ids, self.tokenizer, stops, prompt=prompt)


def load_vllm(student: Student, keep: Keep) -> VllmModel:
    """Load a student on all GPUs."""
    import torch

    config = vllm_model.VLLMModelConfig(
        model_name=student.name,
        revision=student.options.revision or "main",
        dtype=student.dtype,
        tensor_parallel_size=max(1, torch.cuda.device_count()),
        max_model_length=student.positions,
        generation_parameters=GenerationParameters(**student.sampling._asdict()),
    )
    at_once = student.options.batch_size or AT_ONCE
    return VllmModel(config, sampling=student.sampling, keep=keep, at_once=at_once)
