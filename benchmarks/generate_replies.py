"""Asking a model server, beside a bare AsyncInferenceClient loop that stores nothing.

    python benchmarks/generate_replies.py [--rounds 3] [--at-100 3000] [--at-512 6000]

The server is a process of its own: it waits 200 ms and sends 3 kB, whatever it is asked. Ours
stores every reply with fsync, counts it, adapts, keeps a budget; the bare loop throws it away. At
the end: how long after its start a run sends its first request when 200,000 have been answered,
and the memory of runs over few and many questions.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import machine, spread, write_section

LATENCY = 0.2
TEACHER = "synthetic/teacher"
WORDS = "so I think of the next step and write it down, "
BODY = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": TEACHER,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "The answer is 4.",
                    "reasoning_content": (WORDS * 60)[:2700],
                },
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 600, "total_tokens": 620},
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Protocol(asyncio.Protocol):
    """As little HTTP as a benchmark's server may have."""

    first: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole."""
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        if not found or len(body) < length:
            return
        self.data = b""
        if Protocol.first is None and head.startswith(b"POST"):
            Protocol.first = time.time()
        if head.startswith(b"GET"):  # when was the first asked? and begin anew
            said = json.dumps(Protocol.first).encode()
            Protocol.first = None
            self.transport.write(HEAD % len(said) + said)
            return
        asyncio.get_running_loop().call_later(LATENCY, self.answer)

    def answer(self) -> None:
        """Send the reply, unless nobody waits."""
        if not self.transport.is_closing():
            self.transport.write(HEAD % len(BODY) + BODY)


async def serve() -> None:
    """Serve until killed, after printing the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Protocol, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def bare(url: str, requests: int, at_once: int) -> int:
    """What a script does: one client, a semaphore, the replies thrown away. Returns the errors."""
    from huggingface_hub import AsyncInferenceClient

    errors = 0
    waiting = iter(range(requests))
    async with AsyncInferenceClient(base_url=url, api_key="none", timeout=60) as client:

        async def work() -> None:
            nonlocal errors
            for number in waiting:
                message = {"role": "user", "content": f"What is {number} + 1?"}
                try:
                    await client.chat_completion([message], model=TEACHER, max_tokens=1000)
                except Exception:  # a benchmark counts them
                    errors += 1

        await asyncio.gather(*(work() for _ in range(at_once)))
    return errors


def ours(url: str, pool: Path, at_once: int) -> int:
    """What `nt generate` does until the last reply is stored. Returns the failures."""
    import contextlib

    from builders.endpoints import DONE, Asked, Sampling
    from builders.endpoints.asking import Limits
    from builders.endpoints.budget import Budget, Prices
    from builders.endpoints.running import Endpoint, Watcher, ask_for_all
    from builders.endpoints.store import Store, store_path
    from builders.generated import reader
    from builders.pool import open_pool
    from builders.prompts import load_prompt
    from builders.waiting import jobs, missing

    opened, prompt = open_pool(pool), load_prompt("plain")
    asked = Asked("generate", TEACHER, None, prompt.name, prompt.hash, Sampling())
    with contextlib.closing(Store(store_path(pool, "generate", TEACHER))) as store:
        wanted = missing(opened, store, store.id_of(asked), TEACHER, samples=1)
        ask_for_all(
            jobs(opened, wanted, prompt),
            wanted.total,
            asked=asked,
            store=store,
            endpoint=Endpoint({url: None}),
            budget=Budget(store.spent(), Prices(1, 1), usd=1e9),
            limits=Limits(at_once),
            read=reader(TEACHER),
            watcher=Watcher(),
        )
        outcomes = store.outcomes()
    return sum(outcomes.values()) - outcomes[DONE]


def measured(contender: str, url: str, requests: int, at_once: int) -> dict[str, float]:
    """Run a contender in this process; the imports and the pool are not measured."""
    import huggingface_hub

    assert huggingface_hub.AsyncInferenceClient  # imported before the clock starts
    with tempfile.TemporaryDirectory() as folder:
        pool = Path(folder) / "pool"
        if contender == "ours":
            make_pool(pool, requests)
        began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        if contender == "ours":
            errors = ours(url, pool, at_once)
        else:
            errors = asyncio.run(bare(url, requests, at_once))
        seconds, now = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {
        "rate": requests / seconds,
        "cpu_ms": 1000 * cpu / requests,
        "errors": errors,
        "peak_mb": now.ru_maxrss / 1024,
    }


def make_pool(pool: Path, questions: int) -> None:
    """A pool of questions that wait."""
    from builders.importing import import_source
    from builders.sources import Record, Source

    records = (Record(f"What is {n} + 1?", None, "bench", "cc0-1.0") for n in range(questions))
    import_source(Source("bench", None, "own", questions, records), pool)


def fill(pool: Path, done: int) -> None:
    """Store replies to the first questions, as if they had been asked."""
    import zlib

    from builders.endpoints import Asked, Sampling
    from builders.endpoints.store import Store, store_path
    from builders.ids import content_id
    from builders.prompts import load_prompt

    prompt = load_prompt("plain")
    store = Store(store_path(pool, "generate", TEACHER))
    number = store.id_of(Asked("generate", TEACHER, None, prompt.name, prompt.hash, Sampling()))
    body = zlib.compress(BODY, 1)
    db = store._db
    db.execute("BEGIN")
    for n in range(done):
        key = int(content_id(f"What is {n} + 1?"), 16)
        subject = key - 2**64 if key >= 2**63 else key
        row = (n + 1, number, subject, 0, "done", subject, 20, 600, 0, 0, 1, 0.2, 0.0, None)
        db.execute(f"INSERT INTO replies VALUES ({','.join('?' * len(row))})", row)
        db.execute("INSERT INTO bodies VALUES (?, ?)", (n + 1, body))
    db.execute("COMMIT")
    store.close()


def child(*words: object) -> dict[str, float]:
    """Run this file for one measurement."""
    command = [sys.executable, __file__, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{words}: {done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(*words, found, file=sys.stderr, flush=True)
    return found


def first_request(url: str) -> float | None:
    """When the server got its first request since this was asked the last time."""
    from urllib.request import urlopen

    with urlopen(url) as answer:
        found: float | None = json.load(answer)
    return found


def going_on(url: str, done: int, more: int) -> tuple[float, float]:
    """Seconds from the start of `nt generate` to its first request, and its peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        pool = Path(folder) / "pool"
        make_pool(pool, done + more)
        fill(pool, done)
        first_request(url)
        words = ["generate", "--pool", str(pool), "--teacher", TEACHER, "--base-url", url]
        began = time.time()
        command = [sys.executable, "-m", "builders.cli", *words, "--quiet"]
        process = subprocess.Popen(command)
        while True:
            if first := first_request(url):
                break
            time.sleep(0.05)
        time.sleep(1)
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        subprocess.run(
            [sys.executable, "-m", "builders.cli", "stop", "--pool", str(pool), "--quiet"],
            check=True,
        )
        process.wait()
    return first - began, int(peak.split()[1]) / 1024


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-100", type=int, default=3000)
    parser.add_argument("--at-512", type=int, default=6000)
    parser.add_argument("--done", type=int, default=200_000)
    parser.add_argument("one", nargs="*", help="one measurement: contender URL requests at-once")
    arguments = parser.parse_args()
    if arguments.one == ["serve"]:
        asyncio.run(serve())
    elif arguments.one:
        contender, url, requests, at_once = arguments.one
        print(json.dumps(measured(contender, url, int(requests), int(at_once))))
    else:
        report(arguments)


def report(arguments: argparse.Namespace) -> None:
    """All measurements, in turns."""
    command = [sys.executable, __file__, "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
    try:
        lines = [
            "| in flight | contender | requests/s | CPU ms each | errors | against the bare loop |",
            "|---:|---|---:|---:|---:|---:|",
        ]
        for at_once, requests in ((100, arguments.at_100), (512, arguments.at_512)):
            runs: dict[str, list[dict[str, float]]] = {"bare": [], "ours": []}
            for _ in range(arguments.rounds):
                for contender, found in runs.items():
                    # The bare loop at 512 would take minutes for as many.
                    few = at_once == 512 and contender == "bare"
                    found.append(child(contender, url, requests // (4 if few else 1), at_once))
            for contender, found in runs.items():
                pairs = zip(found, runs["bare"], strict=True)
                ratio = [one["rate"] / other["rate"] for one, other in pairs]
                lines.append(
                    f"| {at_once} | {'nt generate' if contender == 'ours' else 'bare loop'} "
                    f"| {spread([one['rate'] for one in found], 0)} "
                    f"| {spread([one['cpu_ms'] for one in found])} "
                    f"| {sum(one['errors'] for one in found):,.0f} "
                    f"| {spread(ratio) if contender == 'ours' else '1'} |"
                )
        few = going_on(url, 0, 5000)
        many = going_on(url, arguments.done, 5000)
    finally:
        server.kill()
    text = "\n".join(
        [
            f"The server waits {1000 * LATENCY:.0f} ms and sends {len(BODY):,} bytes; it has the "
            "other core, and takes part of it. `nt generate` stores every reply with fsync.",
            "",
            *lines,
            "",
            f"First request after the start of the process: {few[0]:.1f} s with nothing done, "
            f"{many[0]:.1f} s after {arguments.done:,} finished ones. Peak memory a second later: "
            f"{few[1]:,.0f} MB over 5,000 questions, {many[1]:,.0f} MB over "
            f"{arguments.done + 5000:,}.",
            "",
            machine(),
        ]
    )
    write_section("generate_replies", "Asking a model server", text)


if __name__ == "__main__":
    main()
