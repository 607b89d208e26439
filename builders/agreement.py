"""How far two labellers agree, from two columns of labels: figures with intervals.

    strategies   F1 of backtracking   0.81 (0.74 to 0.87)   487 traces, 112 and 130 have it
    domain       Cohen's kappa        0.88 (0.84 to 0.91)   500 questions
    verbosity    rank correlation     0.62 (0.55 to 0.68)   500 traces

The first column is what is measured against: a golden set's labels, or those that the pool has. All
figures but precision and recall are the same the other way round. Kappa and F1 take no side on what
is good: that depends on what the labels are for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builders.estimates import (
    Codes,
    Estimate,
    Floats,
    Table,
    estimate,
    f1,
    kappa,
    rank_correlation,
    share,
)

COLUMNS = {
    "domain": "domain",
    "strategies": "strategies",
    "verbosity": "verbosity",
    "disagreement": "disagreement",
    "correctness": "correct",
}
"""Of each annotation that judges make the column that is compared."""

Figure = dict[str, Any]
Questions = NDArray[np.uint64]


def compare(
    name: str, first: Sequence[Any], second: Sequence[Any], questions: Questions
) -> list[Figure]:
    """Compare two columns of an annotation's labels, none of which is None.

    Args:
        name: of the annotation: a key of `COLUMNS`.
        first: the labels that are measured against.
        second: the labels that are measured.
        questions: of each row the question that it is about; they are resampled.
    """
    if name == "strategies":
        return _lists(first, second, questions)
    if name == "verbosity":
        return _grades(first, second, questions)
    return _classes(first, second, questions)


def _classes(first: Sequence[Any], second: Sequence[Any], questions: Questions) -> list[Figure]:
    """Labels of which a row has one."""
    names = sorted({*first, *second}, key=str)
    columns = _coded(first, names), _coded(second, names)
    same = (columns[0] == columns[1]).astype(np.int32)
    size = len(names)
    found = estimate(
        {
            "kappa": Table((size, size), columns, kappa),
            "same": Table((2,), (same,), share),
        },
        questions,
    )
    return [
        figure("Cohen's kappa", found["kappa"], rows=len(first)),
        figure("share of equal labels", found["same"], rows=len(first)),
    ]


def _grades(first: Sequence[int], second: Sequence[int], questions: Questions) -> list[Figure]:
    """Numbers from 0."""
    columns = np.array(first, np.int32), np.array(second, np.int32)
    off = np.abs(columns[0] - columns[1])
    size = int(max(column.max() for column in columns)) + 1
    found = estimate(
        {
            "rank": Table((size, size), columns, rank_correlation),
            "off": Table((size,), (off,), _mean),
            "near": Table((2,), ((off <= 1).astype(np.int32),), share),
        },
        questions,
    )
    return [
        figure("rank correlation", found["rank"], rows=len(first)),
        figure("mean difference", found["off"], rows=len(first)),
        figure("share at most 1 apart", found["near"], rows=len(first)),
    ]


def _lists(
    first: Sequence[Sequence[str]], second: Sequence[Sequence[str]], questions: Questions
) -> list[Figure]:
    """Labels of which a row has any number: each is there or not."""
    names = sorted({name for labels in (*first, *second) for name in labels})
    if not names:  # nobody found anything: there is nothing to agree on
        return []
    there = [_there(labels, names) for labels in (first, second)]
    label = np.tile(np.arange(len(names), dtype=np.int32), len(first))
    columns = (label, *(one.ravel() for one in there))
    shape = (len(names), 2, 2)
    found = estimate(
        {
            "mean": Table(shape, columns, _mean_f1),
            "all": Table(shape, columns, _f1_of_all),
            "each": Table(shape, columns, f1),
            "precision": Table(shape, columns, _precision),
            "recall": Table(shape, columns, _recall),
        },
        np.repeat(questions, len(names)),
    )
    figures = [
        figure("F1, mean over strategies", found["mean"], rows=len(first)),
        figure("F1, all strategies together", found["all"], rows=len(first)),
    ]
    for number, name in enumerate(names):
        counts = {
            "rows": len(first),
            "first": int(there[0][:, number].sum()),
            "second": int(there[1][:, number].sum()),
        }
        for measure, of in (("F1", "each"), ("precision", "precision"), ("recall", "recall")):
            figures.append(figure(measure, found[of], number, of=name, **counts))
    return figures


def _coded(values: Sequence[Any], names: Sequence[Any]) -> Codes:
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[value] for value in values], np.int32)


def _there(labels: Sequence[Sequence[str]], names: Sequence[str]) -> Codes:
    """For each row and name whether the row has it."""
    places = {name: place for place, name in enumerate(names)}
    there = np.zeros((len(labels), len(names)), np.int32)
    for row, some in enumerate(labels):
        there[row, [places[name] for name in some]] = 1
    return there


def _mean(counts: Floats) -> Floats:
    mean: Floats = counts @ np.arange(len(counts)) / counts.sum()
    return mean


def _mean_f1(counts: Floats) -> Floats:
    """Over the strategies that one of both has found."""
    each = f1(counts)
    defined = each[np.isfinite(each)]
    return np.array([defined.mean() if len(defined) else np.nan])


def _f1_of_all(counts: Floats) -> Floats:
    return f1(counts.sum(axis=0))


def _precision(counts: Floats) -> Floats:
    right: Floats = counts[..., 1, 1] / counts[..., :, 1].sum(axis=-1)
    return right


def _recall(counts: Floats) -> Floats:
    found: Floats = counts[..., 1, 1] / counts[..., 1, :].sum(axis=-1)
    return found


def figure(measure: str, found: Estimate, place: int = 0, **more: Any) -> Figure:
    """One of an estimate's figures as JSON: None where it, or its interval, is not defined."""
    low, high = found.interval()
    values = zip(("value", "low", "high"), (found.value, low, high), strict=True)
    return {
        "measure": measure,
        **{name: rounded(column[place]) for name, column in values},
        **more,
    }


def rounded(value: float) -> float | None:
    """A figure as JSON takes it; None for NaN."""
    return round(float(value), 6) if np.isfinite(value) else None


def summary(figures: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The figures that are of all labels, not of one."""
    return [one for one in figures if "of" not in one]
