"""Embeddings from a server with OpenAI's route /v1/embeddings: vLLM, TEI, llama.cpp and others.

Hosts, keys, pace and the sorting of troubles are those of `builders.endpoints`. A batch that the
server refuses is halved until it is clear which text it is; that one gets a vector of zeros, which
is told. What is kept is whole shards, so a run that ends early has paid for at most one more.
"""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from builders.embedders import VERSION, Embedder, Vectors, normalised
from builders.endpoints.client import Timeouts, Trouble, sort_error
from builders.endpoints.pace import Host, Pace
from builders.errors import EndpointError

if TYPE_CHECKING:
    import httpx

NAME = "endpoint"


class Server(NamedTuple):
    """Where to ask: base URLs with their keys, the model there, and how hard to try.

    Attributes:
        keys: each base URL with its key, or None.
        model: as the server knows it.
        revision: of the model, to be recorded.
        batch: texts of a request.
        concurrency: requests at once, at most.
        tries: of a batch; 429s and a host that is gone are none.
        patience: seconds that such troubles may last.
        timeouts: of a request.
    """

    keys: Mapping[str, str | None]
    model: str
    revision: str | None = None
    batch: int = 64
    concurrency: int = 8
    tries: int = 5
    patience: float = 600.0
    timeouts: Timeouts = Timeouts(read=120.0, total=300.0)


def endpoint(server: Server) -> Embedder:
    """An embedder that asks a server."""
    facts = {
        "embedder": server.model,
        "kind": NAME,
        "revision": server.revision,
        "pooling": "the server's own",
        "version": VERSION,
    }

    def embed(texts: Sequence[str]) -> Vectors:
        return normalised(asyncio.run(_ask_all(server, texts)))

    return Embedder(facts, embed)


async def _ask_all(server: Server, texts: Sequence[str]) -> Vectors:
    import httpx

    waits = httpx.Timeout(server.timeouts.read, connect=server.timeouts.connect, pool=None)
    limits = httpx.Limits(max_connections=server.concurrency)
    async with httpx.AsyncClient(timeout=waits, limits=limits) as client:
        asking = _Asking(server, client)
        starts = range(0, len(texts), server.batch)
        asked = (asking.ask(texts[start : start + server.batch]) for start in starts)
        tasks = [asyncio.create_task(one) for one in asked]
        try:
            parts = [vector for part in await asyncio.gather(*tasks) for vector in part]
        finally:
            for task in tasks:
                task.cancel()
    widths = {len(vector) for vector in parts if vector is not None}
    if not widths:
        raise EndpointError(f"'{server.model}' refuses every question: {asking.refused}")
    if len(widths) > 1:
        raise EndpointError(f"'{server.model}' gives vectors of several lengths: {sorted(widths)}")
    vectors = np.zeros((len(texts), widths.pop()), np.float32)
    for row, vector in enumerate(parts):
        if vector is not None:
            vectors[row] = vector
    return vectors


class _Asking:
    """The requests for one shard."""

    def __init__(self, server: Server, client: "httpx.AsyncClient") -> None:
        self._server = server
        self._client = client
        self._pace = Pace(list(server.keys), server.concurrency)
        self._random = Random()  # only waits are drawn from it
        self.refused = ""  # what the server said of the last text that it refused

    async def ask(self, texts: Sequence[str]) -> list[Vectors | None]:
        """A vector for each text; None for one that the server refuses."""
        now = asyncio.get_running_loop().time
        tries, since = 0, now()
        while True:
            host = await self._pace.host()
            sent = now()
            try:
                vectors = await self._post(host.url, texts)
                host.succeeded((now() - sent) / len(texts), now())
                return list(vectors)
            except Trouble as trouble:
                if trouble.reason == "refused" and trouble.whose == "job":
                    host.answered()
                    self.refused = str(trouble)
                    break
                self._blame(host, trouble, sent)
                tries += trouble.whose == "job"
                if tries >= self._server.tries or now() - since > self._server.patience:
                    raise EndpointError(
                        f"{host.url}: {trouble}; tried for {now() - since:.0f} s. Whole shards of "
                        "vectors are kept, and the same command goes on"
                    ) from trouble
            finally:
                self._pace.release(host)
            if tries:
                await asyncio.sleep(min(30.0, 0.5 * 2**tries) * self._random.uniform(0.5, 1))
        if len(texts) == 1:
            return [None]
        half = len(texts) // 2
        return [*await self.ask(texts[:half]), *await self.ask(texts[half:])]

    async def _post(self, url: str, texts: Sequence[str]) -> Vectors:
        import httpx

        server = self._server
        key = server.keys[url]
        route = f"{url}/embeddings" if url.endswith("/v1") else f"{url}/v1/embeddings"
        body = {"model": server.model, "input": list(texts), "encoding_format": "float"}
        try:
            async with asyncio.timeout(server.timeouts.total):
                headers = {"authorization": f"Bearer {key}"} if key else {}
                response = await self._client.post(route, json=body, headers=headers)
            response.raise_for_status()
            return _read(response.json(), len(texts))
        except TimeoutError as error:
            why = f"no whole reply within {server.timeouts.total:g} s"
            raise Trouble("timed_out", "job", why) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            raise sort_error(error).said([key] if key else []) from error

    def _blame(self, host: Host, trouble: Trouble, sent: float) -> None:
        now = asyncio.get_running_loop().time()
        host.trouble = str(trouble)
        if trouble.whose == "run":
            raise EndpointError(f"{host.url}: {trouble}") from trouble
        if trouble.reason == "too_much":
            host.too_much(sent, now, trouble.wait, self._random)
        elif trouble.reason == "gone":
            host.gone(sent, now, trouble.wait, self._random)
        elif trouble.reason == "timed_out":
            host.timed_out(sent, now)


def _read(body: Any, wanted: int) -> Vectors:
    """The vectors of a reply, in the order in which they were asked for.

    Raises:
        ValueError, KeyError, TypeError: the reply is none.
    """
    rows = sorted(body["data"], key=lambda row: row["index"])
    if [row["index"] for row in rows] != list(range(wanted)):
        raise ValueError(f"{len(rows)} vectors for {wanted} texts")
    vectors = np.array([row["embedding"] for row in rows], np.float32)
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ValueError("vectors that are no lists of numbers")
    return vectors
