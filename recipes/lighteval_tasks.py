"""Tasks for lighteval: each benchmark in three modes, with the instructions of the training data.

`eval.py` runs them with seeds, keeps every reply, and goes on after a crash. They work with plain
lighteval too, which asks each question once, with the options of seed 0:

    lighteval accelerate "model_name=out/student,generation_parameters={temperature:0.6}" \\
        "nt_math_500:think|0,nt_math_500:no_think|0" --custom-tasks recipes/lighteval_tasks.py

There a variable names the files that stand in for data sets, and another the instructions:
`EVAL_DATA="gpqa_diamond=FILE demo=pool" EVAL_INSTRUCTIONS=nt/manifest.json`; a third one,
EVAL_MAX_NEW_TOKENS, the length. Without a network lighteval 0.13 wants an (empty) file
tinyBenchmarks.pkl in its folder tasks/tasks, for tasks of its own.
"""

from __future__ import annotations

import functools
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

sys.path.append(str(Path(__file__).parent))  # lighteval loads this file by its path

import modes
import prompts
import scoring
from lighteval.metrics.metrics_sample import SampleLevelComputation
from lighteval.metrics.utils.metric_utils import SampleLevelMetricGrouping
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc, SamplingMethod
from questions import (
    BENCHMARKS,
    GROUPS,
    Benchmark,
    Question,
    pose,
    read_questions,
    read_row,
)
from results import MODES

if TYPE_CHECKING:
    from lighteval.models.model_output import ModelResponse


class Asked(NamedTuple):
    """What a Doc of ours carries along."""

    benchmark: str
    mode: str
    seed: int
    question_id: str
    kind: str  # letter or math
    options: int
    reference: str
    domain: str | None
    difficulty: str | None


def ask(
    row: Mapping[str, Any], task: str, *, benchmark: str, mode: str, texts: Any, length: int
) -> Doc:
    """A row of a data set as lighteval's Doc; a row that has a seed gets its order of options."""
    question = read_row(row, f"a row of {task}")
    question = question._replace(id=row.get("__id") or question.id)
    seed = int(row.get("__seed") or 0)
    letters = bool(question.options)
    reference = pose(question, seed).letter if letters else question.reference
    asked = Asked(
        *(benchmark, mode, seed, question.id, "letter" if letters else "math"),
        *(len(question.options), reference, question.domain, question.difficulty),
    )
    return Doc(
        query=prompts.message(benchmark, question, mode, seed, texts),
        choices=[reference],
        gold_index=0,
        generation_size=length,
        specific=asked._asdict(),
    )


class Correct(SampleLevelComputation):
    """Score a reply, the first where there are several."""

    def compute(self, doc: Doc, model_response: ModelResponse, **_: Any) -> dict[str, float]:
        """Right or wrong, and whether an answer was found."""
        asked = Asked(**{name: doc.specific[name] for name in Asked._fields})
        told = doc.specific.get("scored")
        tokens = list(model_response.output_tokens[0]) if model_response.output_tokens else []
        # lighteval fills up the shorter replies of a batch with one token, again and again.
        filled = len(tokens) > 1 and bool(tokens[-1] == tokens[-2])
        score = told or scoring.score(
            asked.kind,
            model_response.text[0],
            asked.reference,
            options=asked.options or None,
            truncated=not filled and len(tokens) >= (doc.generation_size or sys.maxsize),
        )
        return {"correct": float(score.correct), "found": float(score.extracted is not None)}


METRIC = SampleLevelMetricGrouping(
    metric_name=["correct", "found"],
    higher_is_better={"correct": True, "found": True},
    category=SamplingMethod.GENERATIVE,
    sample_level_fn=Correct(),
    corpus_level_fn={"correct": statistics.fmean, "found": statistics.fmean},
)


def task(
    benchmark: Benchmark, mode: str, *, texts: Any, length: int, folder: str | None = None
) -> LightevalTaskConfig:
    """The task of a benchmark in a mode; its questions from a folder, or from the Hub."""
    prompt = functools.partial(
        ask, benchmark=benchmark.name, mode=mode, texts=dict(texts), length=length
    )
    # lighteval's cache knows a prompt by the name of its function alone.
    prompt.__name__ = f"ask_{prompts.prompt_hash(benchmark.name, mode, texts)}"  # type: ignore[attr-defined]
    split = "train" if folder else benchmark.split
    return LightevalTaskConfig(
        name=f"nt_{benchmark.name}:{mode}",
        prompt_function=prompt,
        hf_repo=folder or benchmark.hub_id or "",
        hf_subset="default" if folder else benchmark.subset or "default",
        hf_avail_splits=[split],
        evaluation_splits=[split],
        metrics=[METRIC],
        generation_size=length,
        stop_sequence=[],
        version=prompts.WORDING,
    )


def _tasks() -> list[LightevalTaskConfig]:
    """All tasks, for plain lighteval."""
    data = dict(word.split("=", 1) for word in os.environ.get("EVAL_DATA", "").split())
    texts = modes.find_instructions("", os.environ.get("EVAL_INSTRUCTIONS")).texts
    for group, names in GROUPS.items():
        data |= dict.fromkeys(names, data.pop(group)) if group in data else {}
    tasks = []
    for benchmark in [*BENCHMARKS.values(), *(Benchmark(n) for n in data if n not in BENCHMARKS)]:
        folder = None
        if benchmark.name in data:
            folder = tempfile.mkdtemp(prefix="nt-questions-")
            write_rows({0: read_questions(benchmark, data[benchmark.name]).rows}, Path(folder))
        elif benchmark.hub_id is None:
            continue
        length = int(os.environ.get("EVAL_MAX_NEW_TOKENS", benchmark.max_new_tokens))
        tasks += [task(benchmark, m, texts=texts, length=length, folder=folder) for m in MODES]
    return tasks


def write_rows(questions: Mapping[int, Sequence[Question]], folder: Path) -> None:
    """Write questions as a folder that lighteval opens: questions by seed, a row for each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "question": question.text,
            "options": list(question.options) or None,
            "answer_index": question.right if question.options else None,
            "reference_answer": question.reference,
            "domain": question.domain,
            "difficulty": question.difficulty,
            "__id": question.id,
            "__seed": seed,
        }
        for seed, asked in questions.items()
        for question in asked
    ]
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "train.parquet")


TASKS_TABLE = _tasks()
