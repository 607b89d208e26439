"""Selectors rank the rows of a pool, the best first; they do not know how many are wanted.

A selector is a function of the pool's columns and of one uniform number per row:

    @selector(needs=("verbosity",))
    def verbose(columns: pa.Table, u: Floats, *, at_least: int = 7) -> Indices:
        '''Wordy traces: verbosity `at_least` or more, in random order.'''

It returns the indices of the eligible rows only, each once. A config takes the first n of them, so
with one seed a smaller config is a prefix of a larger one. The first line of the docstring is the
rule that the data card shows, with the parameters filled in. A row whose needed value is null is
not annotated, hence never eligible.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]


class Selector(NamedTuple):
    """A registered rule: its function, the columns that it needs, its parameters, its words.

    It `uses` columns where the pool has them; it `chooses` if it takes one response of a question.
    """

    name: str
    rank: Callable[..., Indices]
    needs: tuple[str, ...]
    parameters: Mapping[str, Any]
    rule: str
    about: str
    uses: tuple[str, ...] = ()
    chooses: bool = False


SELECTORS: dict[str, Selector] = {}


def selector(
    needs: tuple[str, ...], *, uses: tuple[str, ...] = (), chooses: bool = False
) -> Callable[[Callable[..., Indices]], Callable[..., Indices]]:
    """Register a selector under its function's name (`_` becomes `-`)."""

    def register(rank: Callable[..., Indices]) -> Callable[..., Indices]:
        name = rank.__name__.replace("_", "-")
        signature = inspect.signature(rank).parameters.values()
        parameters = {p.name: p.default for p in signature if p.kind is p.KEYWORD_ONLY}
        first, _, rest = inspect.cleandoc(rank.__doc__ or "").partition("\n\n")
        # `at_least` in the rule becomes the parameter's value.
        for parameter, value in parameters.items():
            first = first.replace(f"`{parameter}`", _shown(value))
        rule = " ".join(first.split())
        SELECTORS[name] = Selector(name, rank, needs, parameters, rule, rest, uses, chooses)
        return rank

    return register


def where(mask: pa.ChunkedArray) -> Indices:
    """The rows in which a truth value is true; null is not."""
    return np.flatnonzero(mask.fill_null(False).to_numpy())


def shuffled(rows: Indices, u: Floats) -> Indices:
    """The rows in random order."""
    ranked: Indices = rows[np.argsort(u[rows])]
    return ranked


def by_weight(rows: Indices, weights: Floats, u: Floats) -> Indices:
    """Rank by weighted sampling without replacement: the first n are such a sample, for every n.

    The key -log(1 - u)/w is the exponential race of Efraimidis and Spirakis (2006); its logarithm
    keeps weights of 1e-6 apart. Rows of weight 0 come last. Small u come first, as in `shuffled`:
    with equal weights it is the same ranking.

    Args:
        rows: the eligible rows.
        weights: one weight for each of them, at least 0.
        u: one uniform number for every row of the pool.
    """
    order = np.argsort(u[rows])  # so that rows of the same key stand in random order
    with np.errstate(divide="ignore"):
        key = np.log(-np.log1p(-u[rows[order]])) - np.log(weights[order])
    return rows[order[np.argsort(key, kind="stable")]]


def in_turns(rows: Indices, groups: NDArray[Any], u: Floats) -> Indices:
    """Rank so that the groups take turns: every prefix is as uniform over them as it can be.

    Within a group the order is random. A group that is used up is passed over.

    Args:
        rows: the eligible rows.
        groups: one label for each of them.
        u: one uniform number for every row of the pool.
    """
    order = np.argsort(u[rows])
    by_group = np.argsort(groups[order], kind="stable")
    sorted_groups = groups[order][by_group]
    is_first = np.r_[True, sorted_groups[1:] != sorted_groups[:-1]][: len(rows)]
    starts = np.flatnonzero(is_first)
    sizes = np.diff(np.r_[starts, len(rows)])
    turn = np.empty(len(rows), np.int64)
    turn[by_group] = np.arange(len(rows)) - np.repeat(starts, sizes)
    return rows[order[np.argsort(turn, kind="stable")]]


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


from builders.selectors import annotated, diversity, lengths, natural  # noqa: E402,F401  they register
