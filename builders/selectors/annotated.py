"""Selectors by what judges said about the traces: strategies, verbosity, disagreement."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builders.selectors import Floats, Indices, by_weight, selector, shuffled, where


@selector(needs=("strategies", "num_reasoning_tokens"))
def strategies(
    columns: pa.Table,
    u: Floats,
    *,
    at_least: int = 4,
    at_most: int = 8,
    dense_quantile: float = 0.5,
) -> Indices:
    """Traces with `at_least` to `at_most` reasoning strategies; those of low density rarer.

    The density is the number of strategies per reasoning token. A trace is weighted by its density,
    but no more than the `dense_quantile` of the eligible traces weighs, and ranked by weighted
    sampling without replacement. The paper keeps 4 to 8 strategies and down-samples low
    density; the formula, the quantile and the ranking are our choice.
    """
    found = pc.list_value_length(columns["strategies"])
    rows = where(pc.and_(pc.greater_equal(found, at_least), pc.less_equal(found, at_most)))
    if not len(rows):
        return rows
    tokens = columns["num_reasoning_tokens"].to_numpy()[rows]
    density = found.to_numpy()[rows] / np.maximum(tokens, 1)
    return by_weight(rows, np.minimum(density, np.quantile(density, dense_quantile)), u)


@selector(needs=("verbosity",))
def verbose(columns: pa.Table, u: Floats, *, at_least: int = 7) -> Indices:
    """Wordy traces: verbosity `at_least` or more of 10, in random order.

    The paper compares low, middle and high verbosity and finds a weak signal; where
    the bands end is our choice.
    """
    wordy = pc.greater_equal(columns["verbosity"], at_least)
    return shuffled(where(wordy), u)


@selector(needs=("verbosity",))
def concise(columns: pa.Table, u: Floats, *, at_most: int = 3) -> Indices:
    """Terse traces: verbosity `at_most` or less of 10, in random order.

    Where the band ends is our choice, as for `verbose`.
    """
    terse = pc.less_equal(columns["verbosity"], at_most)
    return shuffled(where(terse), u)


@selector(needs=("models_disagree",))
def disagree(columns: pa.Table, u: Floats) -> Indices:
    """Questions on which the teacher and a second model disagree, in random order.

    A judge decides whether two answers differ, as in the paper. Where it is unsure the trace is not
    eligible: our choice.
    """
    return shuffled(where(columns["models_disagree"]), u)
