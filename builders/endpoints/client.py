"""One request to one host, on huggingface_hub's AsyncInferenceClient.

It speaks to text-generation-inference, vLLM, SGLang, llama.cpp, Inference Providers and whatever
else has OpenAI's chat route. What comes back is the server's own JSON, or a `Trouble` that says
whose it is: the host's (wait, all of you), the job's (try again) or the run's (no use to go on).

Of huggingface_hub's defaults two do not fit, and are replaced: it sends HF_TOKEN to any host unless
another key is given, and its connection pool collapses with hundreds of waiting requests.
"""

import asyncio
import contextlib
import email.utils
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from builders.endpoints import Asked, Job
from builders.endpoints.replies import Joined
from builders.ids import content_id

if TYPE_CHECKING:
    import httpx

Flavor = Literal["openai", "tgi"]
SchemaForm = Literal["openai", "llama.cpp", "tgi", "none"]
"""How a server's chat route is told the schema of a reply: see `response_format`."""

SCHEMA_FORMS: tuple[SchemaForm, ...] = get_args(SchemaForm)

_EXCERPT = 300


class Timeouts(NamedTuple):
    """Seconds: to connect, between two pieces of a reply, and for all of it.

    A server that does not stream sends its first byte when the reply is finished.
    """

    connect: float = 10.0
    read: float = 1800.0
    total: float = 3600.0


class Trouble(Exception):
    """A request without a reply.

    Attributes:
        reason: a key of `FAILURES`; "too_much" or "gone" where the host has to be left alone.
        whose: the host's, the job's, or the run's.
        wait: for how many seconds the host asked to be left alone; None if it did not say.
        paid: whether the model may have worked for it.
    """

    def __init__(
        self,
        reason: str,
        whose: Literal["host", "job", "run"],
        detail: str,
        *,
        wait: float | None = None,
        paid: bool = False,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.whose = whose
        self.wait = wait
        self.paid = paid

    def said(self, keys: Sequence[str]) -> "Trouble":
        """The same with a message to show: one line, the beginning, and no key in it."""
        flat = " ".join(without(keys, str(self)).split())[:_EXCERPT]  # half a key is a key, too
        self.args = (flat.encode(errors="replace").decode(),)
        return self


class Client:
    """All connections to all hosts; open it with `async with opened(…)`."""

    def __init__(
        self,
        keys: Mapping[str, str | None],
        free: "Mapping[str, list[httpx.AsyncClient]]",
        *,
        flavor: Flavor,
        stream: bool,
        timeouts: Timeouts,
        schema_form: SchemaForm,
    ) -> None:
        self._keys = keys
        self._free = free
        self._errors = _errors()
        self._flavor = flavor
        self._stream = stream
        self._total = timeouts.total
        self._schema_form = schema_form

    async def ask(self, url: str, asked: Asked, job: Job) -> Any:
        """The server's reply to a job, as its JSON.

        Raises:
            Trouble: there is none.
        """
        pool = self._free[url].pop()  # the one that was used last, whose connection is open
        keys = [key for key in self._keys.values() if key]
        try:
            async with asyncio.timeout(self._total):
                body = await self._ask(url, pool, asked, job)
            return without(keys, body)
        except TimeoutError as error:
            why = f"no whole reply within {self._total:g} s"
            raise Trouble("timed_out", "job", why, paid=True) from error
        except Trouble as trouble:  # of the status
            raise trouble.said(keys) from None
        except self._errors as error:
            raise sort_error(error).said(keys) from error
        finally:
            self._free[url].append(pool)

    async def _ask(self, url: str, pool: "httpx.AsyncClient", asked: Asked, job: Job) -> Any:
        async with self._hub_client(url, pool) as client:
            if self._flavor == "tgi":
                form = self._schema_form
                return await _ask_natively(client, pool, url, asked, job, form)
            options: dict[str, Any] = {
                "messages": list(job.messages),
                "model": asked.model,
                "max_tokens": asked.sampling.max_tokens,
                "temperature": asked.sampling.temperature,
                "top_p": asked.sampling.top_p,
                "seed": _seed(asked, job),
                "response_format": response_format(asked.schema, self._schema_form),
            }
            if not self._stream:
                return plain(await client.chat_completion(**options))
            joined = Joined()
            usage: Any = {"include_usage": True}
            pieces = await client.chat_completion(stream=True, stream_options=usage, **options)
            async for piece in pieces:
                joined.add(plain(piece))
            return joined.body()

    @contextlib.asynccontextmanager
    async def _hub_client(self, url: str, pool: "httpx.AsyncClient") -> AsyncIterator[Any]:
        """A client of one request: it keeps the streams that it opened for as long as it lives."""
        from huggingface_hub import AsyncInferenceClient

        key = self._keys[url]
        # Without a key it would look for HF_TOKEN; a header that is None is not sent at all.
        headers: Any = {} if key else {"authorization": None}
        async with AsyncInferenceClient(
            base_url=f"{url}/generate" if self._flavor == "tgi" else url,
            api_key=key or "none",
            headers=headers,
            timeout=pool.timeout,  # type: ignore[arg-type]  # it is handed on to httpx
        ) as client:
            # Its own would go through the Hub's offline switch, and know no limits.
            client._async_client = pool
            yield client


def _errors() -> tuple[type[Exception], ...]:
    """What a request may raise: the network's errors, and those of parsing nonsense."""
    import httpx

    nonsense = (ValueError, RecursionError, KeyError, TypeError, AttributeError)
    return (httpx.HTTPError, httpx.InvalidURL, EOFError, *nonsense)


def _seed(asked: Asked, job: Job) -> int | None:
    """Each job's own, or its samples would all be the same; 31 bits, which every server takes."""
    if asked.sampling.seed is None:
        return None
    return int(content_id(str(asked.sampling.seed), job.subject, str(job.sample)), 16) % 2**31


class _AsItIs(dict[str, Any]):
    """A response format that huggingface_hub leaves alone.

    Of `json_schema` it makes text-generation-inference's form, whatever the server: vLLM, SGLang
    and llama.cpp then see no schema, and say nothing. It recognises it by `get("type")`.
    """

    def get(self, name: str, default: Any = None) -> Any:
        return default if name == "type" else super().get(name, default)


def response_format(schema: Mapping[str, Any] | None, form: SchemaForm) -> dict[str, Any] | None:
    """A schema as a server's chat route takes it.

    Args:
        schema: a JSON schema, or None.
        form: "openai" for vLLM, SGLang, llama.cpp, Inference Providers; "llama.cpp" for its own and
            llama-cpp-python's; "tgi" for text-generation-inference; "none" sends none.
    """
    if schema is None or form == "none":
        return None
    if form == "tgi":
        return {"type": "json", "value": schema}
    if form == "llama.cpp":
        return {"type": "json_object", "schema": schema}
    named = {"name": "reply", "schema": schema, "strict": True}
    return _AsItIs(type="json_schema", json_schema=named)


async def _ask_natively(
    client: Any,
    pool: "httpx.AsyncClient",
    url: str,
    asked: Asked,
    job: Job,
    schema_form: SchemaForm,
) -> Any:
    """Let text-generation-inference write the chat as a prompt, and complete that."""
    body = {"model": asked.model, "messages": list(job.messages)}
    headers = {"authorization": f"Bearer {client.token}"} if not client.headers else {}
    response = await pool.post(f"{url}/chat_tokenize", json=body, headers=headers)
    prompt = response.json()
    sampling = asked.sampling
    reply = await client.text_generation(
        prompt["templated_text"],
        details=True,
        do_sample=sampling.temperature > 0,
        max_new_tokens=sampling.max_tokens,
        temperature=sampling.temperature or None,
        top_p=sampling.top_p if 0 < sampling.top_p < 1 else None,
        seed=_seed(asked, job),
        grammar=None if schema_form == "none" else response_format(asked.schema, "tgi"),
    )
    found: dict[str, Any] = plain(reply)
    found["details"] = found.get("details") or {}
    for name in ("tokens", "prefill", "top_tokens"):  # each token with its probability: not needed
        found["details"].pop(name, None)
    found["details"]["input_length"] = len(prompt["tokenize_response"])
    return found


def sort_error(error: Exception) -> Trouble:
    """Whose an error is; what it says is to be shown only after `Trouble.said`."""
    import httpx
    from huggingface_hub.errors import TextGenerationError

    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    if response is not None:
        return _of_status(response)
    if isinstance(error, TextGenerationError):  # within a stream
        return Trouble("server_error", "job", str(error), paid=True)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return Trouble("gone", "host", f"cannot be reached ({error})")
    if isinstance(error, httpx.TimeoutException):
        return Trouble("timed_out", "job", f"silent for too long ({_name(error)})", paid=True)
    if isinstance(error, httpx.TransportError | EOFError):
        said = str(error).strip() or _name(error)
        return Trouble("cut_off", "job", f"the connection broke: {said}", paid=True)
    if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
        return Trouble("refused", "run", str(error))
    detail = f"what it answers is no reply: {error}"
    return Trouble("broken_reply", "job", detail, paid=True)


def _of_status(response: "httpx.Response") -> Trouble:
    status = response.status_code
    said = response.text.strip()
    detail = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    wait = retry_after(response.headers)
    if status == 429:
        return Trouble("too_much", "host", detail, wait=wait)
    if status in (502, 503, 504, 529):
        return Trouble("gone", "host", detail, wait=wait)
    if status in (401, 402, 403, 404, 405) or 300 <= status < 400:
        return Trouble("refused", "run", detail)
    if status == 408:
        return Trouble("timed_out", "job", detail, paid=True)
    if status >= 500 or status in (409, 424, 425):
        return Trouble("server_error", "job", detail, wait=wait)
    return Trouble("refused", "job", detail)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """For how many seconds a server asks to be left alone: Retry-After, or RateLimit's end."""
    from huggingface_hub.utils import parse_ratelimit_headers

    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            limit = parse_ratelimit_headers(headers)
            if limit is None or limit.remaining > 0:
                return None
            seconds = limit.reset_in_seconds
    return max(0.0, seconds) if math.isfinite(seconds) else None


def plain(value: Any) -> Any:
    """A parsed reply as plain JSON, without the fields that the parser added as None.

    Fields that the parser does not know, `reasoning_content` among them, are attributes of the
    inner objects; the dictionaries that these are as well have lost them.
    """
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        fields = getattr(value, "__dict__", value)
        return {name: plain(one) for name, one in fields.items() if one is not None}
    return value


def without(keys: Sequence[str], value: Any) -> Any:
    """Plain JSON without these keys, which servers quote."""
    if isinstance(value, str):
        for key in keys:
            value = value.replace(key, "…")
        return value
    if isinstance(value, list):
        return [without(keys, one) for one in value]
    if isinstance(value, Mapping):
        return {without(keys, name): without(keys, one) for name, one in value.items()}
    return value


def _name(error: Exception) -> str:
    return type(error).__name__


@contextlib.asynccontextmanager
async def opened(
    keys: Mapping[str, str | None],
    *,
    flavor: Flavor,
    stream: bool,
    timeouts: Timeouts,
    most: int,
    schema_form: SchemaForm = "openai",
) -> AsyncIterator[Client]:
    """A client for these base URLs, each with its key or None, and connections for `most`."""
    import httpx

    async def refuse(response: httpx.Response) -> None:
        if response.is_redirect:  # the prompts were meant for this host, and so was the key
            where = httpx.URL(response.headers.get("location", "")).host
            raise Trouble("refused", "run", f"HTTP {response.status_code}: sends on to {where}")
        if response.status_code >= 400:
            await response.aread()  # for the message
            # Not left to huggingface_hub, which fails on a message that is no JSON object.
            raise _of_status(response)

    # Each connection is a pool of its own: what httpx's pool does for a request grows with the
    # connections in it, and at 100 of them costs more than all the rest.
    trusted = httpx.create_ssl_context()
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    waits = httpx.Timeout(timeouts.read, connect=timeouts.connect, write=60.0, pool=None)
    async with contextlib.AsyncExitStack() as stack:
        free: dict[str, list[httpx.AsyncClient]] = {url: [] for url in keys}
        for pools in free.values():
            for _ in range(most):
                pool = httpx.AsyncClient(
                    verify=trusted,
                    timeout=waits,
                    limits=limits,
                    event_hooks={"response": [refuse]},
                )
                pools.append(await stack.enter_async_context(pool))
        yield Client(
            keys,
            free,
            flavor=flavor,
            stream=stream,
            timeouts=timeouts,
            schema_form=schema_form,
        )
