"""Calls to models, of which no reply is lost.

A `Job` is one request; `Asked` is what all jobs of a run have in common. Together they determine
the reply, so they are the key under which it is stored:

    Asked(task="generate", model="deepseek-ai/DeepSeek-R1", revision=None, prompt="plain",
          prompt_hash="a4128fedc6bf8adb", sampling=Sampling(16384, 0.6, 0.95))
    Job(subject="9f0c4e7d21b86a35", sample=0, messages=[{"role": "user", "content": "2 + 2?"}])

The way of a job: `asking` hands it to a host that has room (`pace`), `client` sends it, `replies`
reads what came, `store` makes it durable, and only then it counts, in `budget` too.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Message = Mapping[str, str]
"""One turn of a chat: `role` and `content`."""

DONE = "done"
"""The outcome of a job whose reply can be used; every other outcome is a reason."""

FAILURES = {
    "refused": "the server refuses the request: too long for its context, or not allowed",
    "server_error": "the server answers with an error, again and again",
    "timed_out": "no whole reply came in time",
    "cut_off": "the connection broke before the reply was whole, again and again",
    "broken_reply": "what the server answers is no reply: not JSON, or without a choice",
    "empty_reply": "the reply has no text",
    "filtered": "the server's filter stopped the reply",
    "not_valid": "the reply has not the form that was asked for, also after it was told why",
}
"""Why a job has no reply. Reasons for which a reply is not usable are `sources.DROP_REASONS`."""

NOT_VALID = "not_valid"
FINAL = ("refused", "filtered", NOT_VALID)
"""Failures that would be the same tomorrow; the others are asked again by the next run."""


ONCE_MORE = "asked_once_more"
"""The outcome of a job whose reply is no failure yet: another job asks again, with the error."""

NOT_YET = {ONCE_MORE: "it has not the form that was asked for; the model was told, and asked again"}


class Sampling(NamedTuple):
    """How the model draws its reply. From a seed follows one for each job: see `client`."""

    max_tokens: int = 16_384
    temperature: float = 0.6
    top_p: float = 0.95
    seed: int | None = None


class Asked(NamedTuple):
    """What all jobs of a run have in common.

    `prompt` names the template that made the messages of a subject, `prompt_hash` its text; with
    the subject, which is a hash of a text itself, they stand for the messages. So does `context`,
    the tokens to which texts are cut, where they are. `schema` is the JSON schema of the reply.
    """

    task: str
    model: str
    revision: str | None
    prompt: str
    prompt_hash: str
    sampling: Sampling
    schema: Mapping[str, Any] | None = None
    context: int | None = None

    def text(self) -> str:
        """The same as JSON, always with the same characters.

        What is None is left out: a field that is added later must not make old replies strangers.
        """
        drawn = {
            name: value for name, value in self.sampling._asdict().items() if value is not None
        }
        said = {**self._asdict(), "sampling": drawn}
        told = {name: value for name, value in said.items() if value is not None}
        return json.dumps(told, sort_keys=True, ensure_ascii=False)


class Job(NamedTuple):
    """One request: the id of what it is about, which of its samples, and what is sent.

    `about` is what the messages were made of, for whoever reads the reply; it is not sent.
    """

    subject: str
    sample: int
    messages: Sequence[Message]
    about: Mapping[str, Any] = {}


class Reply(NamedTuple):
    """What came back, whatever the server's shape: see `replies`.

    `reasoning` is None where the server does not divide the text: then it is inline in `answer`.
    Tokens are None where the server does not tell.
    """

    reasoning: str | None
    answer: str
    finish_reason: str | None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Verdict(NamedTuple):
    """What a task says of a reply: `DONE` or a reason, and the id of the row that it becomes.

    `detail` is what is wrong with it, and `then` the job that asks for it once more.
    """

    outcome: str
    row_id: str | None = None
    detail: str | None = None
    then: Job | None = None


Read = Callable[[Job, Reply], Verdict]
"""How a task judges replies; it must not raise."""
