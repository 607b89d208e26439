"""Compare what recipes/eval.py measured of several students, and say no more than it supports.

    python recipes/compare.py results/random-10k results/disagree-10k --out report/
    python recipes/compare.py results/* --against random-10k --modes think --out report/
    python recipes/compare.py results/demo --out report/        # one run: scores, and its modes

Writes report/comparison.md with its pictures, and report/comparison.html, one page with all in it.
recipes/README.md tells how to read them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import comparison_report
import comparison_tables as tables
import launching
from comparable import ALLOW, check, line_up, select
from comparison_pictures import draw
from paired import difference
from preflight import Stop
from report import printable
from results import MODES
from tallies import Scored, read_scored


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("runs", nargs="+", type=Path, help="folders that eval.py wrote")
    options.add_argument("--out", type=Path, required=True, help="folder of the report")
    options.add_argument(
        "--against",
        metavar="RUN",
        help="compare each with this one, by name or folder (default: all pairs)",
    )
    options.add_argument(
        "--benchmarks", type=_names, default=(), help="these only: demo,gpqa_diamond"
    )
    options.add_argument(
        "--modes", type=_names, default=(), help=f"these only, of {','.join(MODES)}"
    )
    options.add_argument(
        "--allow",
        type=_names,
        default=(),
        help=f"compare although these differ, of {','.join(ALLOW)}; the report says so",
    )
    return options


def main(words: list[str]) -> None:
    """Read, check, compare, draw, write, tell."""
    options = parser().parse_args(words)
    for name, given, known in (
        ("--modes", options.modes, MODES),
        ("--allow", options.allow, ALLOW),
    ):
        if unknown := [value for value in given if value not in known]:
            raise Stop(f"{name} {unknown[0]}: unknown; it may be {', '.join(known)}")

    runs = select(read_scored(options.runs), benchmarks=options.benchmarks, modes=options.modes)
    notes = check(runs, allow=options.allow)
    pairs, more = line_up(runs, against=options.against)
    found = [(one, difference(one.pair, comparisons=len(pairs))) for one in pairs]
    pictures = draw(runs, pairs)

    notes += more + unfinished(runs)
    if pictures is None:
        notes.append("Pictures are missing: matplotlib is not installed (pip install matplotlib).")
    title = f"Comparison of {', '.join(run.name for run in runs)}"
    benchmarks = {benchmark for run in runs for benchmark, _ in run.tallies}
    synthetic = any(benchmark.startswith("demo_") for benchmark in benchmarks)
    parts = comparison_report.sections(runs, found, pictures, notes)
    written = comparison_report.write(options.out, title, parts, synthetic=synthetic)

    shown = [tables.scores(runs), *([tables.said(found)] if found else [])]
    for table in shown:
        print("\n".join(tables.to_terminal(table)), end="\n\n")
    for line in [*notes, *tables.modes_told(runs)]:
        print(f"- {printable(line)}")
    print(f"the report is in {' and '.join(map(str, written))}")


def unfinished(runs: list[Scored]) -> list[str]:
    """Runs that have not sampled every question with every seed yet."""
    told = []
    for run in runs:
        for (benchmark, mode), tally in run.tallies.items():
            if missing := int((~tally.there).sum()):
                told.append(
                    f"{run.name} is not finished: {missing:,} of {tally.there.size:,} samples of "
                    f"{benchmark} in mode {mode} are missing."
                )
    return told


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Stop as error:
        launching.fail(error)
