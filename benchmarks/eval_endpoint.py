"""Evaluating behind an endpoint: requests in flight and tokens a second, beside the server's best.

The server is one that is running, such as llama.cpp's. Its best is taken first: so many clients in
a closed loop, each posting the next question as soon as it has a reply, with nothing around it.

    python benchmarks/eval_endpoint.py --base-url http://127.0.0.1:8080/v1 --model NAME --requests 8

Wanted: the server always has as many requests as it was promised, and nine tenths of its best.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import measure

ROOT = Path(__file__).parent.parent


async def best(base_url: str, model: str, requests: int, length: int, rows: list[str]) -> float:
    """Tokens a second of a closed loop over the questions."""
    import httpx

    tokens = 0
    questions = iter(rows)

    async def client(http: httpx.AsyncClient) -> None:
        nonlocal tokens
        for question in questions:
            told = await http.post(
                f"{base_url}/chat/completions",
                json={"model": model, "messages": [{"role": "user", "content": question}],
                      "max_tokens": length, "temperature": 0.6, "top_p": 0.95},
            )  # fmt: skip
            tokens += told.json()["usage"]["completion_tokens"]

    async with httpx.AsyncClient(timeout=600) as http:
        began = time.monotonic()
        await asyncio.gather(*(client(http) for _ in range(requests)))
        return tokens / (time.monotonic() - began)


def in_flight(base_url: str, seen: list[int], stop: threading.Event) -> None:
    """Look how many requests the server works on, twice a second (llama.cpp: /slots)."""
    import httpx

    root = base_url.removesuffix("/v1")
    while not stop.wait(0.5):
        told = httpx.get(f"{root}/slots", timeout=10)
        if told.status_code == 200:
            seen.append(sum(bool(slot.get("is_processing")) for slot in told.json()))


def main() -> None:
    """Measure, and write the section."""
    told = argparse.ArgumentParser()
    told.add_argument("--base-url", required=True)
    told.add_argument("--model", required=True)
    told.add_argument("--requests", type=int, default=8)
    told.add_argument("--questions", type=int, default=48)
    told.add_argument("--length", type=int, default=64)
    told.add_argument("--server", default="the server", help="its name and version")
    o = told.parse_args()
    rows = [f"Tell a long story about the number {n}." for n in range(o.questions)]
    ours, loops, seen = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "own.jsonl"
        lines = [json.dumps({"question": row, "answer": "1"}) + "\n" for row in rows]
        data.write_text("".join(lines))
        for number in range(3):
            loop = asyncio.run(best(o.base_url, o.model, o.requests, o.length, rows))
            loops.append(loop)
            out = Path(scratch) / str(number)
            stop = threading.Event()
            watcher = threading.Thread(target=in_flight, args=(o.base_url, seen, stop))
            watcher.start()
            words = [
                *("--backend", "endpoint", "--base-url", o.base_url, "--model", o.model),
                *("--data", f"own={data}", "--modes", "adaptive", "--out", str(out)),
                *("--requests", str(o.requests), "--max-new-tokens", str(o.length)),
            ]
            command = [sys.executable, str(ROOT / "recipes" / "eval.py"), *words]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            stop.set()
            watcher.join()
            record = json.loads((out / "run.json").read_text())
            ours.append(record["asked"]["tokens"] / record["asked"]["seconds"])
    busy = [count for count in seen if count]
    text = (
        f"{o.questions} questions of at most {o.length} tokens, {o.requests} requests in flight, "
        f"{o.server}, three rounds.\n\n"
        "| | tokens a second |\n|---|---:|\n"
        f"| eval.py, while it asks | {measure.spread(ours, 1)} |\n"
        f"| a closed loop of {o.requests} clients | {measure.spread(loops, 1)} |\n"
        f"| ratio within a round | "
        f"{measure.spread([a / b for a, b in zip(ours, loops, strict=True)])} |\n\n"
        f"In flight, by the server's own count while it was busy: "
        f"{measure.spread([float(count) for count in busy], 0)}, in "
        f"{sum(count == o.requests for count in busy)} of {len(busy)} looks all {o.requests}.\n\n"
        f"{measure.machine()}"
    )
    measure.write_section("eval-endpoint", "Evaluation behind an endpoint", text)


if __name__ == "__main__":
    main()
