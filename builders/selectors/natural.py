"""Selectors that choose one response of each question, by how natural it is to a student.

    question  teacher  local_naturalness  correct
    q1        A        -0.38              false    known to be wrong: never chosen
    q1        B        -0.41              true     chosen by `natural`
    q1        C        -0.55              null
    q2        A        -0.62              true     its only response: there is nothing to choose

All of them rank the questions alike, so two of their configs of one size differ in the responses
and hardly in the questions: see docs/how-a-config-is-chosen.md.
"""

import itertools
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from builders.ids import as_numbers
from builders.selectors import Floats, Indices, selector


@selector(needs=("question_id", "local_naturalness"), uses=("correct",), chooses=True)
def natural(columns: pa.Table, u: Floats) -> Indices:
    """Of each question the response whose steps are most natural to the student, judged locally;
    questions in random order.

    The published rule is the highest local naturalness; here it is the mean over steps of a step's
    mean log-probability, given the few steps before it. Our choices: a question needs two scored
    responses, a response that is known to be wrong is out, ties go to the smaller id.
    """
    return _highest(_responses(columns, u, "local_naturalness"))


@selector(needs=("question_id", "global_naturalness"), uses=("correct",), chooses=True)
def global_natural(columns: pa.Table, u: Floats) -> Indices:
    """Of each question the response that is most probable to the student as a whole; questions in
    random order.

    The control that is published with local naturalness: the mean log-probability of all tokens,
    given everything before them. Our choices are those of `natural`.
    """
    return _highest(_responses(columns, u, "global_naturalness"))


@selector(needs=("question_id", "teacher", "local_naturalness"), uses=("correct",), chooses=True)
def natural_matched(columns: pa.Table, u: Floats, *, block: int = 200) -> Indices:
    """Of each question a response of high local naturalness, with each teacher as often as in a
    random choice among the responses (after every `block` questions, but for rounding).

    This control is ours: it tells whether `natural` gains by choosing responses, or only by
    choosing teachers. A random choice takes each response of a question with the same chance, which
    gives the teachers' expected shares. In blocks of questions, in the order of the ranking, that
    assignment is taken whose scores add up highest among those in which no teacher exceeds its
    share so far, rounded up.
    """
    found = _responses(columns, u, "local_naturalness")
    teachers = pc.dictionary_encode(columns["teacher"]).combine_chunks()
    names = teachers.dictionary.to_numpy(zero_copy_only=False)
    by_name = np.argsort(np.argsort(names))  # codes that do not depend on the order of the rows
    teacher = by_name[teachers.indices.to_numpy()[found.rows]]
    chosen = [np.empty(0, np.int64)]
    behind = np.zeros(len(names))  # by how many responses each teacher is behind its share
    edges = np.searchsorted(found.place, np.arange(0, found.questions + block, block))
    for start, end in itertools.pairwise(edges):
        rows = np.arange(start, end)
        place = found.place[rows] - found.place[start]
        row = np.full((place[-1] + 1, len(names)), -1)
        # a teacher's best response of a question comes first, so it is what stays
        row[place[::-1], teacher[rows[::-1]]] = rows[::-1]
        answered = np.bincount(place)
        behind += np.bincount(teacher[rows], 1 / answered[place], len(names))
        picked = _assign(np.where(row >= 0, found.score[row], -np.inf), np.ceil(behind - 1e-6))
        behind -= np.bincount(picked, minlength=len(names))
        chosen.append(found.rows[row[np.arange(len(row)), picked]])
    return np.concatenate(chosen)


class _Responses(NamedTuple):
    """The responses to choose from: by their question's place, then the best first."""

    rows: Indices  # in the pool
    place: Indices  # of the question in the ranking: 0, 0, 1, 1, 1, 2 …
    score: NDArray[np.float64]
    questions: int


def _responses(columns: pa.Table, u: Floats, score: str) -> _Responses:
    ids = as_numbers(columns["id"])
    asked, question = np.unique(as_numbers(columns["question_id"]), return_inverse=True)
    # A question's random number is that of its smallest id, scored or not: so it has one chance,
    # however many answered, and the same place whatever the responses are chosen by.
    order = np.lexsort((ids, question))
    number = u[order[np.searchsorted(question[order], np.arange(len(asked)))]]

    scores = columns[score].to_numpy().astype(np.float64)
    scored = np.isfinite(scores)  # null is NaN here
    several = np.bincount(question[scored], minlength=len(asked)) > 1
    eligible = scored & several[question]
    if "correct" in columns.column_names:
        eligible &= pc.fill_null(columns["correct"], True).to_numpy()
    rows = np.flatnonzero(eligible)
    rows = rows[np.lexsort((ids[rows], -scores[rows], question[rows], number[question[rows]]))]
    is_first = np.r_[True, question[rows[1:]] != question[rows[:-1]]][: len(rows)]
    return _Responses(rows, np.cumsum(is_first) - 1, scores[rows], int(is_first.sum()))


def _highest(found: _Responses) -> Indices:
    """The best response of each question."""
    return found.rows[np.searchsorted(found.place, np.arange(found.questions))]


def _assign(scores: NDArray[np.float64], most: NDArray[np.float64]) -> Indices:
    """A teacher for each question: the scores add up highest, and none comes too often.

    Args:
        scores: questions by teachers, -inf where a teacher has no response.
        most: how often each teacher may come. Where that cannot be, its question takes its best.
    """
    from scipy.optimize import linear_sum_assignment

    places = np.repeat(np.arange(len(most)), np.maximum(most, 0).astype(np.int64))
    possible = np.isfinite(scores)
    highest, lowest = scores[possible].max(), scores[possible].min()
    # one impossible place costs more than any choice among the possible ones
    cost = np.where(possible, highest - scores, (highest - lowest + 1) * (len(scores) + 1))
    taken: Indices = places[linear_sum_assignment(cost[:, places])[1]]
    return np.where(possible[np.arange(len(scores)), taken], taken, scores.argmax(axis=1))
