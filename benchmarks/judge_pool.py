"""What `nt annotate --judge` does beside asking: going on where it was, and making sidecars.

    python benchmarks/judge_pool.py [--traces 200000] [--size 6000]

The pool has traces of so many characters, and a reply of a synthetic judge is stored for each, with
three strategies and their quotes. Measured is `nt annotate strategies`: with --no-ask, which reads
every reply and every trace to check the quotes; the same again; and, where 1,000 replies are
missing, from the start of the process to its first request.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import generate_replies
from measure import Run, machine, run, write_section

JUDGE = "synthetic/judge"
QUOTES = {
    "decomposition": "I take it piece by piece",
    "planning": "The plan is to count them",
    "self-verification": "Let me check: 4 + 5 = 9",
}
MISSING = 1000


def make_pool(pool: Path, traces: int, size: int) -> None:
    """A pool of traces in which every quote but the last can be found."""
    from builders.importing import import_source
    from builders.sources import Record, Response, Source

    filler = "and so I think of the next step and write it down, "
    begin, middle, _ = QUOTES.values()

    def records() -> Iterator[Record]:
        for n in range(traces):
            half = (filler * (size // 100))[: size // 2]
            reasoning = f"{n}: {begin}. {half} {middle}. {half}"
            answer = (Response("synthetic/teacher", reasoning, f"The answer is {n}."),)
            yield Record(f"What is {n} + 1?", None, "bench", "cc0-1.0", answer)

    import_source(Source("bench", None, "own", traces, records()), pool)


def fill(pool: Path) -> None:
    """Store a reply about each trace, as if the judge had been asked."""
    from builders.endpoints.store import Store, signed
    from builders.judges.prepared import Judge, prepare
    from builders.pool import open_pool

    said = [{"strategy": name, "quote": quote} for name, quote in QUOTES.items()]
    message = {"role": "assistant", "content": json.dumps({"strategies": said})}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    deflated = zlib.compress(json.dumps(body).encode(), 1)
    judging = prepare(open_pool(pool), "strategies", Judge(JUDGE))
    store = Store(judging.store_path)
    number = store.id_of(judging.asked)
    db = store._db
    db.execute("BEGIN")
    for place, subject in enumerate(judging.subjects.tolist(), 1):
        row = (place, number, signed(subject), 0, "done", None, 2000, 60, 0, 0, 1, 0.2, 0.0, None)
        db.execute(f"INSERT INTO replies VALUES ({','.join('?' * len(row))})", row)
        db.execute("INSERT INTO bodies VALUES (?, ?)", (place, deflated))
    db.execute("COMMIT")
    store.close()


def forget(pool: Path) -> None:
    """Remove the labels, and the last replies."""
    from builders.endpoints.store import Store
    from builders.judges.prepared import Judge, prepare
    from builders.pool import open_pool

    for sidecar in (pool / "annotations" / "strategies").iterdir():
        sidecar.unlink()
    store = Store(prepare(open_pool(pool), "strategies", Judge(JUDGE)).store_path)
    for table in ("bodies", "replies"):
        store._db.execute(
            f"DELETE FROM {table} WHERE id > (SELECT max(id) FROM replies) - {MISSING}"
        )
    store.close()


def words(pool: Path, *more: str) -> list[str]:
    """A run of the judge, as a command."""
    start = ["-m", "builders.cli", "annotate", "strategies", "--pool", str(pool), "--quiet"]
    return [*start, "--judge", JUDGE, *more]


def first_request(pool: Path) -> tuple[float, float]:
    """Seconds from the start of the process to its first request, and its peak memory in MB."""
    command = [sys.executable, generate_replies.__file__, "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        began = time.time()
        process = subprocess.Popen(
            [sys.executable, *words(pool, "--base-url", url)], stderr=subprocess.DEVNULL
        )
        while (first := generate_replies.first_request(url)) is None:
            assert process.poll() is None
            time.sleep(0.05)
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        process.wait()  # no reply has the form: it ends by itself after 20 of them
        server.kill()
    return first - began, int(peak.split()[1]) / 1024


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--traces", type=int, default=200_000)
    parser.add_argument("--size", type=int, default=6000, help="characters of a trace")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pool = Path(folder) / "pool"
        make_pool(pool, arguments.traces, arguments.size)
        fill(pool)
        runs: dict[str, Run] = {
            "sidecars of all replies": run(words(pool, "--no-ask"), cores=1),
            "the same again": run(words(pool, "--no-ask"), cores=1),
        }
        forget(pool)
        first, peak = first_request(pool)
    lines = [
        f"| {name} | {one.seconds:.1f} | {one.cpu_seconds:.1f} "
        f"| {arguments.traces / one.cpu_seconds:,.0f} | {one.peak_mb:,.0f} |"
        for name, one in runs.items()
    ]
    text = "\n".join(
        [
            f"{arguments.traces:,} traces of {arguments.size:,} characters, each with a stored "
            "reply: three strategies, of which two are shown by a quote that occurs.",
            "",
            "| `nt annotate strategies` | seconds | CPU seconds | traces a CPU second | MB |",
            "|---|---:|---:|---:|---:|",
            *lines,
            "",
            f"First request after the start of the process, {MISSING:,} replies missing and no "
            f"label there: {first:.1f} s, with {peak:,.0f} MB.",
            "",
            machine(),
        ]
    )
    write_section("judge_pool", "Labels of stored judge replies", text)


if __name__ == "__main__":
    main()
