"""Evaluate a student by lighteval in three modes, with seeds, and keep every reply.

    python recipes/eval.py --model out/student --data demo=pool --out results/student
    python recipes/eval.py --model ORG/student --benchmarks gpqa_diamond,math_500 --out results/x
    python recipes/eval.py --model NAME --backend endpoint --base-url http://127.0.0.1:8000/v1 …

Start the same command again after a crash, and it asks what is still missing. `results.py` tells
what comes out; `compare.py` reads it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import launching
import modes
import prompts
import results
import samples
import student_facts
from preflight import Stop
from questions import BENCHMARKS, GROUPS, Benchmark, Questions, benchmarks_of, read_questions
from scores import scores_of

if TYPE_CHECKING:
    from engines import Reply
    from lighteval.models.abstract_model import LightevalModel
    from lighteval.tasks.requests import Doc


class Job(NamedTuple):
    """A benchmark in a mode, with the seeds and questions that are still missing."""

    questions: Questions
    mode: str
    missing: dict[int, list[Any]]  # questions by seed


def parser() -> argparse.ArgumentParser:
    """The command line."""
    told = argparse.ArgumentParser(
        prog="eval.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    told.error = launching.refuse  # type: ignore[method-assign]
    add = told.add_argument
    add("--model", required=True, help="a student: a folder, or an id on the Hub")
    add("--revision", help="its commit, branch or tag on the Hub")
    add("--out", required=True, type=Path, help="the folder for samples.parquet and run.json")
    names = ", ".join([*GROUPS, *(name for name in BENCHMARKS if not name.startswith("demo_"))])
    add("--benchmarks", help=f"{names}, or names of your own (default: all that --data names)")
    add("--modes", default=",".join(results.MODES), help="(default: %(default)s)")
    add("--seeds", type=int, help="how many (default: the paper's, 24, 16, 1, 1; demo and own: 1)")
    add("--max-samples", type=int, help="so many questions of each benchmark, the same for all")
    add("--data", action="append", default=[], metavar="NAME=FILE",
        help="a file or folder that stands in for a benchmark, or one of your own")  # fmt: skip
    add("--instructions", help="a release, or a file, whose words for the modes are used "
        "(default: those stored with the student or with its training data)")  # fmt: skip
    add("--max-new-tokens", type=int, help="(default: 16384; demo: 1024)")
    add("--temperature", type=float, help="(default: the paper's, 0.6, or 0.7 for Qwen)")
    add("--top-p", type=float, help="(default: the paper's, 0.95, or 1.0 for Qwen)")
    add("--backend", choices=("accelerate", "vllm", "endpoint"), default="accelerate")
    add("--base-url", help="of an endpoint with OpenAI's protocol")
    add("--tokenizer", help="of the student behind an endpoint, to count tokens of thinking")
    add("--requests", type=int, default=32, help="in flight to an endpoint (default: %(default)s)")
    add("--batch-size", type=int, help="questions at once (default: as memory allows)")
    add("--dtype", default="auto", help="(default: float32 on a CPU, else the student's)")
    return told


def main(words: list[str]) -> None:
    """Read the questions, ask what is missing, tell."""
    options = parser().parse_args(words)
    student = student_facts.look(options)
    told = modes.find_instructions(options.model, options.instructions)
    jobs_of = read_all(options)
    record = describe(options, student, told, jobs_of)
    kept = samples.Samples.open(options.out, record)
    jobs = missing(options, jobs_of, kept)
    asked = sum(len(rows) for job in jobs for rows in job.missing.values())
    print(
        f"{student.name}, {student.engine}; instructions: {told.source}; {asked:,} replies to make,"
        f" {len(kept):,} there",
        flush=True,
    )
    if asked:
        run(options, student, told, jobs, kept, asked)
    kept.write()
    report(options.out)


def read_all(options: argparse.Namespace) -> list[Questions]:
    """The questions of all benchmarks.

    Raises:
        Stop: a benchmark or its data is not there.
    """
    data: dict[str, str] = {}
    for word in options.data:
        name, equals, path = word.partition("=")
        if not equals or not name or not path:
            raise Stop(f"--data {word}: write NAME=FILE, as in --data gpqa_diamond=gpqa.csv")
        data |= dict.fromkeys(GROUPS.get(name, (name,)), path)
    names = options.benchmarks.split(",") if options.benchmarks else list(data)
    if not names:
        raise Stop(f"no benchmark is named: --benchmarks {','.join([*GROUPS, 'gpqa_diamond'])}")
    found = benchmarks_of(names, data)
    if unused := set(data) - {benchmark.name for benchmark in found}:
        raise Stop(f"--data names {', '.join(sorted(unused))}, which --benchmarks does not")
    return [
        read_questions(benchmark, data.get(benchmark.name), max_samples=options.max_samples)
        for benchmark in found
    ]


def seeds_of(options: argparse.Namespace, benchmark: Benchmark) -> list[int]:
    """The seeds of a benchmark."""
    return list(range(benchmark.seeds if options.seeds is None else options.seeds))


def describe(
    options: argparse.Namespace,
    student: student_facts.Student,
    told: modes.Instructions,
    questions: list[Questions],
) -> dict[str, Any]:
    """What run.json says."""
    chosen = modes_of(options)
    benchmarks = {
        one.benchmark.name: {
            "data": one.data,
            "data_revision": one.revision,
            "questions": len(one.rows),
            "max_new_tokens": student.length(options, one.benchmark),
            "prompt_hash": {
                mode: prompts.prompt_hash(one.benchmark.name, mode, told.texts) for mode in chosen
            },
            "sampling": student.sampling._asdict(),
            "seeds": seeds_of(options, one.benchmark),
        }
        for one in questions
    }
    return {
        "name": options.out.name,
        "model": options.model,
        "model_revision": student.revision,
        "engine": student.engine,
        "dtype": student.dtype,
        "device": student.device,
        "batch_size": student.batch_size,
        "versions": student.versions,
        "benchmarks": benchmarks,
        "instructions": told.texts,
        "instructions_version": told.version,
        "instructions_source": told.source,
        "trained_on": told.trained_on,
    }


def modes_of(options: argparse.Namespace) -> list[str]:
    """The modes that are named.

    Raises:
        Stop: nobody knows one.
    """
    chosen = list(dict.fromkeys(options.modes.split(",")))
    for mode in chosen:
        if mode not in results.MODES:
            raise Stop(f"--modes: there is no mode {mode!r}; there are {', '.join(results.MODES)}")
    return chosen


def missing(
    options: argparse.Namespace, questions: list[Questions], kept: samples.Samples
) -> list[Job]:
    """What was not asked yet."""
    jobs = []
    for one in questions:
        for mode in modes_of(options):
            todo = {
                seed: [
                    question
                    for question in one.rows
                    if (one.benchmark.name, mode, seed, question.id) not in kept
                ]
                for seed in seeds_of(options, one.benchmark)
            }
            if any(todo.values()):
                jobs.append(Job(one, mode, {seed: rows for seed, rows in todo.items() if rows}))
    return jobs


def run(
    options: argparse.Namespace,
    student: student_facts.Student,
    told: modes.Instructions,
    jobs: list[Job],
    kept: samples.Samples,
    asked: int,
) -> None:
    """Let lighteval ask, and keep each batch of replies as it comes."""
    import tempfile

    import lighteval_tasks
    from running import run_tasks
    from tqdm import tqdm

    with tempfile.TemporaryDirectory(prefix="nt-eval-") as scratch:
        tasks = []
        for job in jobs:
            name = job.questions.benchmark.name
            folder = Path(scratch) / f"{name}-{job.mode}"
            lighteval_tasks.write_rows(job.missing, folder)
            tasks.append(
                lighteval_tasks.task(
                    job.questions.benchmark,
                    job.mode,
                    texts=told.texts,
                    length=student.length(options, job.questions.benchmark),
                    folder=str(folder),
                )
            )
        shown = 0.5 if sys.stderr.isatty() else 20
        with tqdm(total=asked, unit="reply", mininterval=shown, smoothing=0.05) as bar:
            told_of = {"replies": 0, "tokens": 0, "seconds": 0.0}  # since the start, loading apart
            began = time.monotonic()

            def load() -> LightevalModel:
                nonlocal began
                loaded = student.load(keep)
                began = time.monotonic()
                return loaded

            def keep(docs: Sequence[Doc], replies: Sequence[Reply]) -> None:
                kept.add(docs, replies)
                told_of["replies"] += len(docs)
                told_of["tokens"] += sum(reply.tokens for reply in replies)
                told_of["seconds"] = round(time.monotonic() - began, 1)
                bar.update(len(docs))

            run_tasks(tasks, load, scratch=Path(scratch))
            kept.record["asked"] = told_of


def report(folder: Path) -> None:
    """Print the scores."""
    print(f"\n{'':24}{'accuracy':>14}{'tokens':>9}{'thinks':>8}{'cut':>8}{'replies':>9}")
    columns = ["benchmark", "question_id", "mode", "seed"]
    columns += ["correct", "tokens", "thought", "truncated"]
    for one in scores_of(results.read_run(folder, columns=columns)):
        print(
            f"{one.benchmark + ' ' + one.mode:24}{100 * one.accuracy:>7.1f} ± "
            f"{100 * one.standard_error:<4.1f}{one.tokens:>9,.0f}{one.thought:>8.0%}"
            f"{one.truncated:>8.1%}{one.replies:>9,}"
        )
    print(f"\nevery reply is in {folder / results.SAMPLES}")
    if same := samples.same_over_seeds(folder):
        print(
            f"warning: {same}: two seeds gave the same replies throughout, so nothing was sampled; "
            "the server ignores temperature or seed",
            file=sys.stderr,
        )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Stop as error:
        launching.fail(error)
    except KeyboardInterrupt:
        print("stopped; what was answered is kept, and the same command goes on", file=sys.stderr)
        sys.exit(130)
