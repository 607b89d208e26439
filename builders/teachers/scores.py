"""The scores of a pool as arrays: a row for each question that all teachers answered.

question            terse    rambling      of one score; a teacher's mean over its responses
41d8cd98f00b204e    -0.41    -1.20
9f0c4e7d21b86a35    -0.38    -1.05
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from builders.errors import BadOption, MissingColumn, PoolTooSmall
from builders.ids import as_numbers
from builders.pool import Pool

Floats = NDArray[np.float64]

SCORES = {
    "local": "local naturalness",
    "global": "global naturalness",
    "local_skip_first": "local, without the first token of each step",
    "local_regressed": "local, with the length of steps regressed out",
}
"""What teachers are compared by, and in words; the last two are the published corrections."""

_COLUMNS = {
    "local": "local_naturalness",
    "global": "global_naturalness",
    "local_skip_first": "local_naturalness_skip_first",
}
_STEPS = (
    "num_steps",
    "step_inverse_length",
    "step_inverse_length_squared",
    "step_inverse_length_times_score",
)


class Teacher(NamedTuple):
    """What a pool has of one teacher."""

    name: str
    responses: int  # scored
    not_scored: int
    right: float | None  # share of the scored responses that were checked; None: none was
    checked: int


class Scores(NamedTuple):
    """Teachers, by name, and for each score an array: shared questions by teachers."""

    teachers: tuple[Teacher, ...]
    questions: int  # on which all of them have a response with a local score
    of: dict[str, Floats]


def read_scores(pool: Pool, names: Sequence[str] = ()) -> Scores:
    """Read the scores of a pool; narrow columns only.

    Args:
        pool: a pool with the annotation `naturalness`.
        names: the teachers to compare; by default all that have scores.

    Raises:
        MissingColumn: the pool has no scores.
        BadOption: there is no teacher of such a name.
        PoolTooSmall: there are not two teachers, or they share fewer than two questions.
    """
    if "naturalness" not in pool.annotations():
        raise MissingColumn(
            f"{pool.folder}: has no 'local_naturalness' yet; "
            f"run: nt annotate naturalness --pool {pool.folder} --student MODEL"
        )
    wanted = ["question_id", "teacher", *_COLUMNS.values(), *_STEPS, "correct"]
    facts = pool.facts([name for name in wanted if name in pool.columns()])
    scores = {name: _floats(facts, column) for name, column in _COLUMNS.items()}
    scores["local_regressed"] = regressed(scores["local"], *(_floats(facts, n) for n in _STEPS))

    encoded = pc.dictionary_encode(facts["teacher"]).combine_chunks()
    known: list[str] = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy()
    scored = np.isfinite(scores["local"])
    compared = _compared(pool, known, codes[scored], names)
    code_of = {name: known.index(name) for name in compared}

    place = np.full(len(known), -1)
    place[list(code_of.values())] = np.arange(len(compared))
    rows = np.flatnonzero(scored & (place[codes] >= 0))
    question = np.unique(as_numbers(facts["question_id"]).take(rows), return_inverse=True)[1]
    teacher = place[codes[rows]]
    means = {
        name: _means(values[rows], question, teacher, len(compared))
        for name, values in scores.items()
    }
    shared = np.isfinite(means["local"]).all(axis=1)
    if shared.sum() < 2:
        raise PoolTooSmall(_not_shared(pool, compared, np.isfinite(means["local"])))
    right = _floats(facts, "correct")
    return Scores(
        tuple(_teacher(name, codes == code, scored, right) for name, code in code_of.items()),
        int(shared.sum()),
        {
            name: values[shared & np.isfinite(values).all(axis=1)]
            for name, values in means.items()
            if (shared & np.isfinite(values).all(axis=1)).sum() > 1
        },
    )


def regressed(
    local: Floats, steps: Floats, inverse: Floats, squared: Floats, times_score: Floats
) -> Floats:
    """Local naturalness with what the length of steps explains taken out.

    A line through all steps of the pool, each step's score over x = 1 / its tokens (the share of
    first tokens, which are the hard ones). Means over the steps of each response are enough for it.

    Args:
        local: a response's score.
        steps: how many steps it has.
        inverse: their mean of x.
        squared: their mean of x².
        times_score: their mean of x times the step's score.
    """
    there = np.isfinite(local) & np.isfinite(inverse) & np.isfinite(times_score) & (steps > 0)
    if not there.any():
        return np.full(len(local), np.nan)
    weights = steps[there] / steps[there].sum()
    x, score = weights @ inverse[there], weights @ local[there]
    spread = weights @ squared[there] - x * x
    together = weights @ times_score[there] - x * score
    slope = together / spread if spread > 1e-12 else 0.0
    corrected: Floats = np.where(there, local - slope * (inverse - x), np.nan)
    return corrected


def _floats(facts: pa.Table, column: str) -> Floats:
    """A column as floats, NaN for null; all NaN where the pool does not have it."""
    if column not in facts.column_names:
        return np.full(len(facts), np.nan)
    values: Floats = pc.cast(facts[column], pa.float64()).to_numpy()
    return values


def _compared(
    pool: Pool, known: list[str], scored: NDArray[np.int32], names: Sequence[str]
) -> list[str]:
    """The names of the teachers to compare, sorted."""
    there = sorted(known[code] for code in np.unique(scored))
    for name in names:
        if name not in there:
            raise BadOption(
                f"--teacher {name}: has no scored response in {pool.folder}; there are: "
                f"{', '.join(there)}"
            )
    compared = sorted(set(names)) or there
    if len(compared) < 2:
        by = f"all scored responses are by '{compared[0]}'" if compared else "nothing is scored"
        if names:
            by = f"--teacher {compared[0]}: is one teacher"
        raise PoolTooSmall(
            f"{pool.folder}: {by}, so there is nothing to compare; have another teacher answer "
            f"the same questions: nt generate --pool {pool.folder} --teacher MODEL --base-url URL, "
            "and score its responses"
        )
    return compared


def _not_shared(pool: Pool, names: list[str], there: NDArray[np.bool_]) -> str:
    """Why teachers cannot be compared, and which two can."""
    both = there.T.astype(np.int64) @ there.astype(np.int64)
    np.fill_diagonal(both, 0)
    a, b = np.unravel_index(int(both.argmax()), both.shape)
    said = (
        f"{pool.folder}: {len(names)} teachers share {there.all(axis=1).sum()} scored questions, "
        "and are compared on those that they share"
    )
    if len(names) > 2 and both[a, b] > 1:
        return (
            f"{said}; the two that share most, {both[a, b]:,}: "
            f"--teacher '{names[a]}' --teacher '{names[b]}'"
        )
    return f"{said}; score more of them: nt annotate naturalness"


def _means(
    values: Floats, question: NDArray[np.int64], teacher: NDArray[np.int64], teachers: int
) -> Floats:
    """Questions by teachers: the mean over the responses; NaN where there is none."""
    cells = (int(question.max(initial=-1)) + 1) * teachers
    there = np.isfinite(values)
    cell = (question * teachers + teacher)[there]
    with np.errstate(invalid="ignore"):
        means = np.bincount(cell, values[there], cells) / np.bincount(cell, minlength=cells)
    table: Floats = means.reshape(-1, teachers)
    return table


def _teacher(
    name: str, own: NDArray[np.bool_], scored: NDArray[np.bool_], right: Floats
) -> Teacher:
    known = right[own & scored & np.isfinite(right)]
    share = float(known.mean()) if len(known) else None
    return Teacher(name, int((own & scored).sum()), int((own & ~scored).sum()), share, len(known))
