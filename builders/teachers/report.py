"""The report of `nt teachers`: every score's ranking of a pool's teachers, as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builders.pool import open_pool
from builders.teachers.ranking import LEVEL, RESAMPLES, Ranking, rank
from builders.teachers.scores import SCORES, Scores, read_scores


def describe_teachers(
    pool: Path | str, *, teachers: Sequence[str] = (), seed: int = 0
) -> dict[str, Any]:
    """Rank the teachers of a pool by how natural their responses are to the student that scored.

    Args:
        pool: the pool's folder.
        teachers: those to compare; by default all that have scored responses.
        seed: of the resamples that the intervals are made from.

    Raises:
        MissingColumn: the pool has no scores.
        BadOption: there is no teacher of such a name.
        PoolTooSmall: there are not two teachers that share questions.
    """
    opened = open_pool(pool)
    scores = read_scores(opened, teachers)
    return {
        "scored_by": opened.manifest.get("naturalness"),
        "questions": scores.questions,
        "level": LEVEL,
        "resamples": RESAMPLES,
        "teachers": [teacher._asdict() for teacher in scores.teachers],
        "rankings": [
            _ranking(name, scores, rank(scores.of[name], seed=seed))
            for name in SCORES
            if name in scores.of
        ],
    }


def _ranking(score: str, scores: Scores, found: Ranking) -> dict[str, Any]:
    name = [teacher.name for teacher in scores.teachers]
    return {
        "score": score,
        "questions": found.questions,
        "places": [
            {
                "teacher": name[one.teacher],
                "mean": one.mean._asdict(),
                "wins": one.wins._asdict(),
            }
            for one in found.places
        ],
        "differences": [
            {
                **one._asdict(),
                "first": name[one.first],
                "second": name[one.second],
                "difference": one.difference._asdict(),
            }
            for one in found.differences
        ],
        "stability": [one._asdict() for one in found.stability],
    }
