"""A model server on 127.0.0.1 that does what a script says: replies of any shape, and any fault.

It speaks just enough HTTP to be broken in every way, and notes every request that it gets. The
replies are synthetic and depend on the question alone.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

Json = dict[str, Any]


class Request(NamedTuple):
    number: int
    at: float
    path: str
    headers: dict[str, str]
    body: Json

    @property
    def question(self) -> str:
        text: str = self.body["messages"][-1]["content"]
        return text


class Answer(NamedTuple):
    """What is sent: after `delay`, with `status`; `cut` breaks the connection behind so many bytes,
    `drip` sends one byte in so many seconds, `hang` sends nothing at all."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "application/json"
    delay: float = 0.0
    cut: int | None = None
    drip: float | None = None
    hang: bool = False


Script = Callable[[Request], Answer]


def chat(
    reasoning: str | None,
    content: str | None,
    *,
    finish: str | None = "stop",
    name: str = "reasoning_content",
    usage: bool = True,
) -> Json:
    message = {"role": "assistant", "content": content}
    if reasoning is not None:
        message[name] = reasoning
    body: Json = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    if usage:
        words = len(f"{reasoning or ''} {content or ''}".split())
        body["usage"] = {
            "prompt_tokens": 10,
            "completion_tokens": words,
            "total_tokens": 10 + words,
        }
    return body


def as_json(body: Any, **more: Any) -> Answer:
    return Answer(json.dumps(body).encode(), **more)


def as_stream(body: Json, *, pieces: int = 4, done: bool = True, **more: Any) -> Answer:
    """The same reply as server-sent events; without `done` it just ends."""
    (choice,) = body["choices"]
    lines = []
    for name, text in choice["message"].items():
        if name == "role" or text is None:
            continue
        size = max(1, len(text) // pieces)
        for start in range(0, len(text), size):
            delta = {name: text[start : start + size]}
            lines.append({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    if done:
        last = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
        lines += [{"choices": [last]}, {"choices": [], "usage": body["usage"]}]
    text = "".join(f"data: {json.dumps(line)}\n\n" for line in lines)
    text += "data: [DONE]\n\n" if done else ""
    return Answer(text.encode(), kind="text/event-stream", **more)


def thoughtful(request: Request) -> Json:
    """The synthetic teacher: always the same reply to the same question."""
    question = request.question
    return chat(f"I am asked: {question} So I think.", f"The answer to {question}")


def teach(request: Request) -> Answer:
    body = thoughtful(request)
    return as_stream(body) if request.body.get("stream") else as_json(body)


class ModelServer:
    """Runs a script in a thread of its own, until the `with` block ends."""

    def __init__(self, script: Script = teach, port: int = 0) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._at_once = 0
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "ModelServer":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._connection, "127.0.0.1", self._port, backlog=1024)
        )
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await self._read(reader):
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    if not await self._answer(writer, self.script(request)):
                        return
                finally:
                    self._at_once -= 1
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Request | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length") or 0))
        parsed = json.loads(body) if body else {}
        request = Request(len(self.requests), time.time(), first.split()[1], headers, parsed)
        self.requests.append(request)
        return request

    async def _answer(self, writer: asyncio.StreamWriter, answer: Answer) -> bool:
        """Send it; False where the connection ends with it."""
        await asyncio.sleep(answer.delay)
        if answer.hang:
            await asyncio.sleep(3600)
        lines = [
            f"HTTP/1.1 {answer.status} X",
            f"content-type: {answer.kind}",
            f"content-length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        head = "\r\n".join([*lines, "\r\n"]).encode()
        if answer.drip is not None:
            writer.write(head)
            for byte in answer.body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(answer.drip)
            return True
        if answer.cut is not None:
            writer.write((head + answer.body)[: len(head) + answer.cut])
            await writer.drain()
            writer.transport.abort()
            return False
        writer.write(head + answer.body)
        await writer.drain()
        return True
