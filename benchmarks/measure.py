"""Measure contenders side by side: each run is a process of its own, in turns, on the same data.

A ratio is taken within a round, where both ran minutes apart at most on the same machine, and is
given as the median with its lowest and highest value.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).parent / "README.md"


class Run(NamedTuple):
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def run(words: Sequence[str], *, cores: int, environment: Mapping[str, str] | None = None) -> Run:
    """Run `python WORDS` on so many cores and measure it, with its children."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
        threads = {name: str(cores) for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS")}
        os.execve(sys.executable, [sys.executable, *words], {**os.environ, **threads,
                                                              **(environment or {})})  # fmt: skip
    _, status, used = os.wait4(child, 0)
    seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"{' '.join(words)}: failed")
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def in_turns(
    contenders: Mapping[str, Sequence[str]], *, rounds: int = 3, cores: int = 1
) -> dict[str, list[Run]]:
    """Run all contenders in turns, so that a busy minute hits them alike."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, words in contenders.items():
            runs[name].append(run(words, cores=cores))
            print(f"round {number + 1}  {name}: {runs[name][-1]}", file=sys.stderr, flush=True)
    return runs


def spread(values: Sequence[float], digits: int = 2) -> str:
    """``2.31 (2.20-2.42)``: median, lowest, highest."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def table(runs: Mapping[str, Sequence[Run]], ours: str) -> str:
    """The runs as Markdown; the ratios say how many times longer than ours."""
    lines = [
        "| contender | seconds | CPU seconds | peak MB | time against ours | CPU against ours |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, each in runs.items():
        wall = [a.seconds / b.seconds for a, b in zip(each, runs[ours], strict=True)]
        cpu = [a.cpu_seconds / b.cpu_seconds for a, b in zip(each, runs[ours], strict=True)]
        lines.append(
            f"| {name} | {spread([r.seconds for r in each], 1)} "
            f"| {spread([r.cpu_seconds for r in each], 1)} | {max(r.peak_mb for r in each):,.0f} "
            f"| {'1' if name == ours else spread(wall)} | {'1' if name == ours else spread(cpu)} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """The machine and the versions, in a sentence."""
    import datasets
    import polars
    import pyarrow

    info = Path("/proc/cpuinfo").read_text()
    found = re.search(r"model name\s*: (.*)", info)
    return (
        f"{found[1] if found else 'unknown processor'}, {os.cpu_count()} cores; Python "
        f"{sys.version.split()[0]}, pyarrow {pyarrow.__version__}, datasets {datasets.__version__},"
        f" polars {polars.__version__}. Other processes ran on the machine: read the ratios, and "
        "CPU seconds before seconds."
    )


def write_section(name: str, title: str, text: str) -> None:
    """Write a section of benchmarks/README.md between its marks, in place of the older one."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{start}\n## {title}\n\n{text.strip()}\n{end}"
    old = README.read_text() if README.exists() else "# Benchmarks\n"
    if start in old:
        before, _, rest = old.partition(start)
        new = before + section + rest.partition(end)[2]
    else:
        new = f"{old.rstrip()}\n\n{section}\n"
    README.write_text(new)
    print(f"{title}\n\n{text}")
