"""A judge and what it is asked about a pool, made ready."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.endpoints import Asked, Sampling
from builders.endpoints.store import store_path
from builders.errors import BadOption
from builders.judges import TASKS, Task
from builders.judges.forms import schema_of
from builders.judges.marking import BYTES_PER_TOKEN, shown
from builders.judges.pairs import Pairs, with_references, with_second_answers
from builders.judges.strategies import STRATEGIES
from builders.pool import Pool
from builders.prompts import JudgePrompt, load_judge_prompt
from builders.schema import ANNOTATIONS, DOMAINS

_TEMPLATE = 1500  # bytes for the chat template and a reply that is quoted back
_LEAST_ROOM = 2000


class Judge(NamedTuple):
    """A model that annotates, and how it is asked.

    `prompt` is a text file instead of ours. Texts are cut so that a request fits into `context`
    tokens, the reply included.
    """

    model: str
    revision: str | None = None
    prompt: str | None = None
    sampling: Sampling = Sampling(max_tokens=1024, temperature=0.0, top_p=1.0)
    context: int = 32_768


class Judging(NamedTuple):
    """An annotation of a pool by a judge, ready to be asked for.

    `subjects` are the ids under which replies are stored, row for row; 0 where a row has none.
    """

    pool: Pool
    name: str
    judge: Judge
    task: Task
    prompt: JudgePrompt
    asked: Asked
    subjects: NDArray[np.uint64]
    pairs: Pairs | None

    @property
    def grain(self) -> str:
        """The table whose rows are annotated."""
        return ANNOTATIONS[self.name].grain

    @property
    def store_path(self) -> Path:
        """Where the judge's replies lie."""
        return store_path(self.pool.folder, self.asked.task, self.judge.model)

    @property
    def room(self) -> int:
        """Bytes for the texts of a row."""
        tokens = self.judge.context - self.judge.sampling.max_tokens
        return int(tokens * BYTES_PER_TOKEN) - len(self.prompt.text.encode()) - _TEMPLATE


def prepare(pool: Pool, name: str, judge: Judge, *, second_model: str | None = None) -> Judging:
    """Read what an annotation needs before it can be asked for.

    Args:
        pool: to be annotated.
        name: of the annotation.
        judge: who is asked.
        second_model: with whose answers traces are compared; None where there is only one.

    Raises:
        BadOption: an option cannot be used, or the pool has nothing to compare with.
    """
    task = TASKS[name]
    two = ["question", "first", "second"]
    places = two if task.orders == 2 else [c.replace("reasoning", "trace") for c in task.columns]
    lists = {
        "domains": ", ".join(DOMAINS),
        "strategies": "\n".join(f"{name}: {line}" for name, line in STRATEGIES.items()),
    }
    prompt = load_judge_prompt(judge.prompt or task.prompt, lists=lists, places=places, show=shown)
    asked = Asked(
        f"annotate-{name}",
        judge.model,
        judge.revision,
        prompt.name,
        prompt.hash,
        judge.sampling,
        schema_of(task.form),
        judge.context,
    )
    pairs = _pairs(pool, name, second_model)
    subjects = pairs.ids if pairs else pool.keys(ANNOTATIONS[name].grain)
    judging = Judging(pool, name, judge, task, prompt, asked, subjects, pairs)
    if judging.room < _LEAST_ROOM:
        raise BadOption(
            f"--judge-context {judge.context}: leaves no room for a text beside the prompt and a "
            f"reply of {judge.sampling.max_tokens} tokens"
        )
    return judging


def _pairs(pool: Pool, name: str, second_model: str | None) -> Pairs | None:
    if name == "disagreement":
        return with_second_answers(pool, second_model)
    return with_references(pool) if name == "correctness" else None
