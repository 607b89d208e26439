"""Every shape of reply as a `Reply`.

    {"choices": [{"message": {"reasoning": "2 and 2 …", "content": "4."}, "finish_reason": "stop"}],
     "usage": {"prompt_tokens": 9, "completion_tokens": 17}}
    ──► Reply(reasoning="2 and 2 …", answer="4.", finish_reason="stop",
              prompt_tokens=9, completion_tokens=17)

The thinking arrives as `reasoning` (vLLM, OpenRouter, Groq), as `reasoning_content` (DeepSeek,
SGLang, llama.cpp, vLLM until 0.9), as parts of `content` (Mistral), or inline. Inline text is left
as it is: `traces.split_reply` knows what a tag is. A stream is put together by `Joined` first.
"""

import json
from collections.abc import Mapping
from typing import Any

from builders.endpoints import Reply

_THINKING = ("reasoning_content", "reasoning")

_FINISHES = {
    "eos_token": "stop",  # text-generation-inference
    "stop_sequence": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "max_tokens": "length",
    "model_length": "length",  # Mistral: the context was full
    "MAX_TOKENS": "length",
    "STOP": "stop",
}
"""Servers' words for the two ends that a reply can have, in OpenAI's words."""


class NotAReply(ValueError):
    """What came is no reply: an error page, another schema, an empty body."""


def read_reply(body: Any) -> Reply:
    """What a server's JSON says.

    Raises:
        NotAReply: it is not what any of the servers sends.
    """
    if isinstance(body, list) and body:  # some front ends of text-generation-inference
        body = body[0]
    if not isinstance(body, Mapping):
        raise NotAReply(f"not an object but {_beginning(body)}")
    if isinstance(body.get("generated_text"), str):
        return _native(body)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise NotAReply(f"no 'choices' in {_beginning(body)}")
    choice = _first_with_text(choices)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise NotAReply(f"no 'message' in {_beginning(choice)}")
    thinking, answer = _content(message.get("content"))
    reasoning = _separate(message) or thinking
    usage = body.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return Reply(
        reasoning or None,
        answer,
        _finish(choice.get("finish_reason")),
        _whole(usage.get("prompt_tokens")),
        _whole(usage.get("completion_tokens")),
    )


def _native(body: Mapping[str, Any]) -> Reply:
    """The form of text-generation-inference's /generate."""
    details = body.get("details")
    details = details if isinstance(details, Mapping) else {}
    return Reply(
        None,
        body["generated_text"],
        _finish(details.get("finish_reason")),
        # What was fed in is told only when it is asked for; `client` writes it here.
        _whole(details.get("input_length")),
        _whole(details.get("generated_tokens")),
    )


def _first_with_text(choices: list[Any]) -> Mapping[str, Any]:
    """Of several choices the first by index that says something; else the first."""
    here = [choice for choice in choices if isinstance(choice, Mapping)]
    if not here:
        raise NotAReply(f"no choice in {_beginning(choices)}")
    here.sort(key=lambda choice: _whole(choice.get("index")) or 0)
    for choice in here:
        message = choice.get("message")
        if isinstance(message, Mapping) and (message.get("content") or _separate(message)):
            return choice
    return here[0]


def _separate(message: Mapping[str, Any]) -> str:
    """The thinking that a server keeps apart; some send it under both names."""
    for name in _THINKING:
        text = message.get(name)
        if isinstance(text, str) and text.strip():
            return text
    details = message.get("reasoning_details")  # OpenRouter, where nothing else is given
    if isinstance(details, list):
        texts = [one.get("text") for one in details if isinstance(one, Mapping)]
        return "".join(text for text in texts if isinstance(text, str))
    return ""


def _content(content: Any) -> tuple[str, str]:
    """Thinking and text of `content`: a text, nothing, or a list of parts of either kind."""
    if content is None:
        return "", ""
    if isinstance(content, str):
        return "", content
    if not isinstance(content, list):
        raise NotAReply(f"'content' is {_beginning(content)}")
    thinking, text = [], []
    for part in content:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, Mapping) and part.get("type") == "thinking":
            inner = part.get("thinking")
            thinking.append(inner if isinstance(inner, str) else _content(inner)[1])
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
            text.append(part["text"])
    return "".join(thinking), "".join(text)


def _finish(reason: Any) -> str | None:
    return _FINISHES.get(reason, reason) if isinstance(reason, str) and reason else None


def _whole(value: Any) -> int | None:
    """A count, if it can be one: sums of larger ones would not fit into the store."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32
    return value if is_count else None


def _beginning(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)[:80]
    return text.encode(errors="replace").decode()  # half of a surrogate pair is no text


class Joined:
    """A stream's pieces, put together to the body that would have come without streaming."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {"content": [], **{name: [] for name in _THINKING}}
        self._lists: dict[str, list[Any]] = {"content": [], "reasoning_details": []}
        self._finish: Any = None
        self._usage: Any = None
        self._seen = False

    def add(self, piece: Mapping[str, Any]) -> None:
        """Take the next piece. A piece without choices may bring the usage."""
        if isinstance(piece.get("usage"), Mapping):
            self._usage = dict(piece["usage"])  # servers that send it again and again send a total
        for choice in piece.get("choices") or []:
            if not isinstance(choice, Mapping) or (_whole(choice.get("index")) or 0) > 0:
                continue
            self._seen = True
            self._finish = choice.get("finish_reason") or self._finish
            delta = choice.get("delta")
            if isinstance(delta, Mapping):
                for name, texts in self._texts.items():
                    if isinstance(delta.get(name), str):
                        texts.append(delta[name])
                for name, parts in self._lists.items():
                    if isinstance(delta.get(name), list):
                        parts.extend(delta[name])

    def body(self) -> dict[str, Any]:
        """The whole.

        Raises:
            NotAReply: nothing came.
            EOFError: it ended before the server said why: the connection was cut.
        """
        if not self._seen:
            raise NotAReply("a stream without a choice")
        if self._finish is None:
            raise EOFError("the stream ended before its finish_reason")
        message: dict[str, Any] = {
            name: "".join(texts) for name, texts in self._texts.items() if texts
        }
        if self._lists["content"]:  # Mistral: the thinking as parts, then the answer as text
            self._lists["content"].append(message.pop("content", ""))
        message |= {name: parts for name, parts in self._lists.items() if parts}
        choice = {"message": message, "finish_reason": self._finish}
        return {"choices": [choice], **({"usage": self._usage} if self._usage else {})}
