"""The student behind an endpoint with OpenAI's protocol, such as vLLM's or llama.cpp's.

The server writes the messages into its own chat template. lighteval's client for such servers was
not taken: in 0.13 it asks every question once more for each group of its batches, turns failures
into empty replies, and drops what came with them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import TYPE_CHECKING, Any

from engines import Keep, NoCache, Reply, respond
from lighteval.models.abstract_model import LightevalModel, ModelConfig
from lighteval.tasks.prompt_manager import PromptManager
from preflight import Stop
from scoring import CLOSE, OPEN, take_apart

if TYPE_CHECKING:
    from lighteval.models.model_output import ModelResponse
    from lighteval.tasks.requests import Doc
    from openai.types.chat import ChatCompletion
    from student_facts import Student

KEY = "EVAL_API_KEY"
"""The variable with the endpoint's key. No other key or token is ever sent to it."""

RETRIES = 6
SECONDS_TO_REACH, SECONDS_A_REPLY, SECONDS_TO_KEEP = 30.0, 3600.0, 5.0


def seed_of(doc: Doc) -> int:
    """The seed of a request: another one for each question."""
    told = f"{doc.specific['seed']}\0{doc.specific['question_id']}\0{doc.specific['mode']}"
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:4], "little") >> 1


async def _reach(client: Any, url: str) -> None:
    """See whether anything is there, before trying again and again."""
    import openai

    try:
        await client.with_options(max_retries=0, timeout=SECONDS_TO_REACH).models.list()
    except openai.APIConnectionError as error:
        raise Stop(f"nothing answers at {url}; is the server up, and its path /v1?") from error
    except openai.APIStatusError:
        return  # it answers; not every server lists what it serves


class EndpointModel(LightevalModel):
    """A model of lighteval's that asks a server, many questions at a time."""

    def __init__(self, student: Student, keep: Keep):
        self.config = ModelConfig(model_name=student.name)
        self.student, self.keep = student, keep
        self.prompt_manager = PromptManager(use_chat_template=True)
        self._cache = NoCache()
        self._tokenizer = None
        if student.options.tokenizer:
            from transformers import AutoTokenizer

            self._tokenizer = AutoTokenizer.from_pretrained(student.options.tokenizer)

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """Answer, at whatever temperature: the name is lighteval's."""
        return respond(docs, asyncio.run(self._ask_all(docs)))

    async def _ask_all(self, docs: list[Doc]) -> dict[int, Reply]:
        import openai

        url, replies = self.student.options.base_url, {}
        waiting: list[tuple[Doc, Reply]] = []
        gate = asyncio.Semaphore(self.student.options.requests)
        client = openai.AsyncOpenAI(
            base_url=url,
            api_key=os.environ.get(KEY, "none"),
            max_retries=RETRIES,  # with growing pauses, or as long as the server asks for
            timeout=SECONDS_A_REPLY,
        )

        async def ask(doc: Doc) -> None:
            async with gate:
                waiting.append((doc, await self._ask(client, doc)))

        tasks: list[asyncio.Task[None]] = []
        try:
            await _reach(client, url)
            tasks = [asyncio.create_task(ask(doc)) for doc in docs]
            open_tasks: set[asyncio.Task[None]] = set(tasks)
            while open_tasks:
                done, open_tasks = await asyncio.wait(open_tasks, timeout=SECONDS_TO_KEEP)
                self._flush(waiting, replies)
                for task in done:
                    task.result()
        except openai.OpenAIError as error:
            told = " ".join(str(error).split())[:300]
            raise Stop(
                f"the endpoint {url} failed: {told}. What was answered is kept; the same command "
                "goes on"
            ) from error
        finally:
            for task in tasks:
                task.cancel()
            self._flush(waiting, replies)
            await client.close()
        return replies

    def _flush(self, waiting: list[tuple[Doc, Reply]], replies: dict[int, Reply]) -> None:
        if waiting:
            self.keep(*zip(*waiting, strict=True))
            replies.update({id(doc): reply for doc, reply in waiting})
            waiting.clear()

    async def _ask(self, client: Any, doc: Doc) -> Reply:
        sampling = self.student.sampling
        told = await client.chat.completions.create(
            model=self.student.name,
            messages=self.prompt_manager.prepare_prompt_api(doc),
            max_tokens=doc.generation_size,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=seed_of(doc),
        )
        return self._reply(told)

    def _reply(self, told: ChatCompletion) -> Reply:
        choice = told.choices[0]
        message = choice.message.model_dump()
        text = message.get("content") or ""
        # Servers that take the thinking out of a reply call it one or the other.
        thinking = message.get("reasoning") or message.get("reasoning_content")
        if thinking:
            closed = choice.finish_reason != "length" or text
            text = f"{OPEN}\n{thinking}" + (f"\n{CLOSE}\n\n{text}" if closed else "")
        if told.usage is None:
            raise Stop(f"{self.student.options.base_url} does not say how many tokens a reply has")
        tokens = told.usage.completion_tokens
        return Reply(text, tokens, self._thinking(text, tokens), choice.finish_reason == "length")

    def _thinking(self, text: str, tokens: int) -> int:
        """Tokens of thinking; without a tokenizer, its share of the characters."""
        parts = take_apart(text)
        if not (parts.thinking or "").strip():
            return 0
        if not parts.closed:
            return tokens
        before = text.rpartition(CLOSE)[0]
        if self._tokenizer is None:
            return round(tokens * len(before) / max(1, len(text)))
        return min(tokens, len(self._tokenizer(before, add_special_tokens=False)["input_ids"]))

    # What lighteval's base class wants, and no task of ours uses

    @property
    def tokenizer(self) -> Any:
        """None but for counting."""
        return self._tokenizer

    @property
    def add_special_tokens(self) -> bool:
        """The server decides."""
        return False

    @property
    def max_length(self) -> int:
        """The server knows."""
        return self.student.positions or 0

    def loglikelihood(self, docs: list[Doc]) -> list[ModelResponse]:
        """Not with this protocol."""
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood
