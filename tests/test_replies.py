"""Every shape of reply, one by one, read from the JSON and as it comes through the client."""

import asyncio
from typing import Any, NamedTuple

import pytest
from model_server import Answer, Json, ModelServer, Request, as_json, as_stream

from builders.endpoints import Asked, Job, Reply, Sampling
from builders.endpoints.client import Flavor, Timeouts, Trouble, opened
from builders.endpoints.replies import Joined, NotAReply, read_reply
from builders.generated import response_of
from builders.sources import Response
from builders.sources.cells import Unusable

USAGE = {"prompt_tokens": 9, "completion_tokens": 17, "total_tokens": 26}
THINKS, SAYS = "2 and 2 make 4.", "The answer is 4."


class Shape(NamedTuple):
    """What a server sends, and what it means: a response, or why it is none."""

    server: str
    body: Any
    response: tuple[str, str] | str
    finish: str | None = "stop"
    tokens: tuple[int | None, int | None] = (9, 17)


def message(finish: str | None = "stop", usage: Any = USAGE, **fields: Any) -> Json:
    choice = {"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": finish}
    return {"id": "1", "model": "m", "choices": [choice], **({"usage": usage} if usage else {})}


GOOD = (THINKS, SAYS)
INLINE = f"<think>\n{THINKS}\n</think>\n\n{SAYS}"
CHOICES = [
    {"index": 1, "message": {"content": "second"}, "finish_reason": "stop"},
    {"index": 0, "message": {"content": INLINE}, "finish_reason": "stop"},
]

SHAPES = [
    Shape("vLLM with a reasoning parser", message(reasoning=THINKS, content=SAYS), GOOD),
    Shape(
        "vLLM until 0.9, SGLang, llama.cpp, DeepSeek",
        message(reasoning_content=THINKS, content=SAYS),
        GOOD,
    ),
    Shape(
        "servers that send it under both names",
        message(reasoning_content=THINKS, reasoning=THINKS, content=SAYS),
        GOOD,
    ),
    Shape("lines before the content", message(reasoning=THINKS, content=f"\n\n{SAYS}"), GOOD),
    Shape("without a parser: inline tags", message(content=INLINE), GOOD),
    Shape(
        "the template has opened the tag",
        message(content=f"{THINKS}\n</think>\n\n{SAYS}"),
        GOOD,
    ),
    Shape(
        "a parser that leaves the closing tag behind",
        message(reasoning_content=THINKS, content=f"</think>\n\n{SAYS}"),
        GOOD,
    ),
    Shape(
        "an empty field beside inline tags",
        message(reasoning_content="", content=INLINE),
        GOOD,
    ),
    Shape(
        "an empty think block",
        message(content=f"<think>\n\n</think>\n\n{SAYS}"),
        "no_reasoning",
    ),
    Shape("a model that does not think", message(content=SAYS), "no_reasoning"),
    Shape(
        "cut while it thinks, content null",
        message("length", reasoning_content=THINKS, content=None),
        "cut_by_length",
        "length",
    ),
    Shape(
        "cut while it thinks, which has leaked into content",
        message("length", content=THINKS, reasoning_content=None),
        "cut_by_length",
        "length",
    ),
    Shape(
        "cut while it thinks, inline",
        message("length", content=f"<think>\n{THINKS}"),
        "cut_by_length",
        "length",
    ),
    Shape(
        "cut while it answers",
        message("length", reasoning=THINKS, content=SAYS),
        "cut_by_length",
        "length",
    ),
    Shape(
        "cut before anything: a hidden thought",
        message("length", content=""),
        "cut_by_length",
        "length",
    ),
    Shape(
        "a full context, in Mistral's words",
        message("model_length", reasoning=THINKS, content=SAYS),
        "cut_by_length",
        "length",
    ),
    Shape("only thoughts", message(reasoning=THINKS, content=""), "no_answer"),
    Shape(
        "Mistral: parts",
        message(
            content=[
                {"type": "thinking", "thinking": [{"type": "text", "text": THINKS}]},
                {"type": "text", "text": SAYS},
            ]
        ),
        GOOD,
    ),
    Shape(
        "OpenRouter: details",
        message(content=SAYS, reasoning_details=[{"type": "reasoning.text", "text": THINKS}]),
        GOOD,
    ),
    Shape("several choices, out of order", {"choices": CHOICES, "usage": USAGE}, GOOD),
    Shape(
        "several choices, the first of them empty",
        {
            "choices": [{"index": 0, "message": {"content": None}}, CHOICES[1] | {"index": 1}],
            "usage": USAGE,
        },
        GOOD,
    ),
    Shape(
        "no usage",
        message(usage=None, reasoning=THINKS, content=SAYS),
        GOOD,
        tokens=(None, None),
    ),
    Shape("no finish_reason", message(None, reasoning=THINKS, content=SAYS), GOOD, None),
    Shape("text-generation-inference's chat route", message("eos_token", content=INLINE), GOOD),
]

NATIVE = {
    "generated_text": INLINE,
    "details": {
        "finish_reason": "eos_token",
        "generated_tokens": 17,
        "prefill": [],
        "tokens": [{"id": 1, "text": "2", "logprob": -0.1, "special": False}],
    },
}
ASKED = Asked("generate", "m", None, "plain-1", "0", Sampling(100))
JOB = Job("0" * 16, 0, [{"role": "user", "content": "2 + 2?"}])


def ask(
    server: ModelServer, *, stream: bool = False, flavor: Flavor = "openai", asked: Asked = ASKED
) -> Any:
    async def run() -> Any:
        options: Any = {"flavor": flavor, "stream": stream, "timeouts": Timeouts(5, 5, 5)}
        async with opened({server.url: None}, most=1, **options) as client:
            return await client.ask(server.url, asked, JOB)

    return asyncio.run(run())


def meaning(reply: Reply) -> tuple[str, str] | str:
    response = response_of("m", "2 + 2?", reply)
    if isinstance(response, Unusable):
        return response.reason
    assert isinstance(response, Response)
    return response.reasoning, response.answer


def check(shape: Shape, body: Any) -> None:
    reply = read_reply(body)
    assert meaning(reply) == shape.response
    assert reply.finish_reason == shape.finish
    assert (reply.prompt_tokens, reply.completion_tokens) == shape.tokens


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.server)
def test_shape(shape: Shape) -> None:
    check(shape, shape.body)


def test_every_shape_through_the_client() -> None:
    bodies = iter(SHAPES)
    with ModelServer(lambda request: as_json(next(bodies).body)) as server:
        for shape in SHAPES:
            check(shape, ask(server))


STREAMED = [
    shape
    for shape in SHAPES
    if len(shape.body["choices"]) == 1 and "usage" in shape.body and shape.finish
]


def test_every_shape_as_a_stream() -> None:
    bodies = iter(STREAMED)
    with ModelServer(lambda request: as_stream(next(bodies).body)) as server:
        for shape in STREAMED:
            check(shape, ask(server, stream=True))
        assert all(request.body["stream"] for request in server.requests)
        assert server.requests[0].body["stream_options"] == {"include_usage": True}
    assert len(STREAMED) > 12


def test_mistrals_stream_gives_parts_while_it_thinks_and_then_text() -> None:
    thinks = [{"type": "thinking", "thinking": [{"type": "text", "text": THINKS}]}]
    deltas: list[Json] = [{"content": thinks}, {"content": "The answer "}, {"content": "is 4."}]
    joined = Joined()
    for delta in deltas:
        joined.add({"choices": [{"index": 0, "delta": delta}]})
    joined.add({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE})
    check(Shape("", None, GOOD), joined.body())


def test_a_stream_that_ends_without_a_reason_was_cut() -> None:
    body = message(reasoning=THINKS, content=SAYS)
    with (
        ModelServer(lambda request: as_stream(body, done=False)) as server,
        pytest.raises(Trouble) as caught,
    ):
        ask(server, stream=True)
    assert (caught.value.reason, caught.value.paid) == ("cut_off", True)


@pytest.mark.parametrize("as_list", [False, True])
def test_text_generation_inference_natively(as_list: bool) -> None:
    tokens = [{"id": 5, "text": "x", "start": 0, "stop": 1}] * 9

    def script(request: Request) -> Answer:
        if request.path == "/chat_tokenize":
            return as_json({"tokenize_response": tokens, "templated_text": "<user>2 + 2?<bot>"})
        return as_json([NATIVE] if as_list else NATIVE)

    with ModelServer(script) as server:
        body = ask(server, flavor="tgi")
        asked = server.requests[1]
    assert asked.path == "/generate"
    assert asked.body["inputs"] == "<user>2 + 2?<bot>"
    assert asked.body["parameters"]["max_new_tokens"] == 100
    assert asked.body["parameters"]["details"] is True
    check(Shape("", None, GOOD), body)
    assert "tokens" not in body["details"]
    assert asked.body["parameters"].get("grammar") is None


def test_a_schema_for_tgis_own_route() -> None:
    def script(request: Request) -> Answer:
        if request.path == "/chat_tokenize":
            return as_json({"templated_text": "<user>2 + 2?<bot>", "tokenize_response": []})
        return as_json(NATIVE)

    with ModelServer(script) as server:
        ask(server, flavor="tgi", asked=ASKED._replace(schema={"type": "object"}))
        asked = server.requests[1]
    assert asked.body["parameters"]["grammar"] == {"type": "json", "value": {"type": "object"}}


@pytest.mark.parametrize(
    "body",
    [None, [], {}, "text", 7, {"choices": []}, {"choices": None}, {"choices": [None]},
     {"choices": [{"text": "an old completion"}]}, {"choices": [{"message": "text"}]},
     {"choices": [{"message": {"content": 7}}]}, {"error": "overloaded"}],
)  # fmt: skip
def test_what_is_no_reply(body: Any) -> None:
    with pytest.raises(NotAReply):
        read_reply(body)
    with ModelServer(lambda request: as_json(body)) as server:
        try:
            found = ask(server)
        except Trouble as trouble:
            assert trouble.reason == "broken_reply"
        else:
            with pytest.raises(NotAReply):
                read_reply(found)
