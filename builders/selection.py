"""Selection: the rankings that configs need, and whether a pool can fill them."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from builders.configs import Config
from builders.errors import MissingColumn, NTError, PoolTooSmall
from builders.ids import as_numbers, uniform
from builders.mixing import decidable
from builders.pool import Pool
from builders.schema import ANNOTATIONS, JUDGED, annotation_of
from builders.selectors import SELECTORS, Floats, Indices

_FACTS = (
    "id",
    "num_tokens",
    "num_reasoning_tokens",
    "source",
    "license",
    "teacher",
    "domain",
    "strategies",
)
"""Columns that the manifest's statistics are made from, besides those that the rules need."""

EXCLUDING = {"duplicates": "is_duplicate", "contamination": "contaminated_by"}
"""Annotations, and of each the column, by which a trace is in no config, whatever the rule."""


_HOW = {
    **dict.fromkeys(JUDGED, "--judge MODEL --base-url URL, or --from LABELS"),
    "clusters": "",
    "naturalness": "--student MODEL",
}
"""Options by which an annotation is made."""


class Availability(NamedTuple):
    """Whether a pool can fill a config, and if not, why."""

    config: Config
    eligible: int | None  # None: a column is missing
    missing: str | None  # the column that is missing
    no_choice: str | None = None  # why there is nothing to choose from, where it has to choose

    @property
    def can_be_filled(self) -> bool:
        """Whether there are as many eligible rows as the name promises."""
        return self.eligible is not None and self.eligible >= self.config.size

    @property
    def why_not(self) -> str | None:
        """Why it cannot be filled, in a few words."""
        if self.can_be_filled:
            return None
        if self.no_choice:
            return self.no_choice
        if self.missing:
            return f"the pool has no '{self.missing}' yet"
        return f"only {self.eligible:,} eligible"

    def advice(self, pool: Path) -> str | None:
        """The same, with the command that makes what is missing."""
        if self.no_choice:
            return (
                f"{self.no_choice}; have another teacher answer them: nt generate --pool "
                f"{shlex.quote(str(pool))} --teacher MODEL --base-url URL, or import its traces"
            )
        if not self.missing:
            return self.why_not
        name = annotation_of(self.missing)
        command = f"nt annotate {name} --pool {shlex.quote(str(pool))}"
        return f"{self.why_not}; run: {command} {_HOW.get(name or '', '--from LABELS')}".rstrip()


class Selection(NamedTuple):
    """Narrow columns of all traces, and for each selector the rows that it ranked."""

    facts: pa.Table
    rankings: dict[str, Indices]
    availabilities: list[Availability]
    excluded: dict[str, int]
    """Traces that no config may have, by the annotation that says so."""


def select(pool: Pool, configs: Sequence[Config], *, seed: int = 0) -> Selection:
    """Rank the traces of a pool by the selectors of these configs; reads narrow columns only."""
    available = pool.columns()
    used = (name for config in configs for name in (*config.needs, *config.rule.uses))
    wanted = [*_FACTS, *EXCLUDING.values(), *used]
    facts = pool.facts([name for name in dict.fromkeys(wanted) if name in available])
    u = uniform(facts["id"].to_pylist(), seed=seed)
    barred = {
        name: excludes(facts[column])
        for name, column in EXCLUDING.items()
        if column in facts.column_names
    }
    admitted = np.flatnonzero(~np.logical_or.reduce([*barred.values(), np.zeros(len(u), np.bool_)]))
    admissible = facts if len(admitted) == len(facts) else facts.take(admitted)
    rankings: dict[str, Indices] = {}
    availabilities = []
    no_choice = _no_choice(admissible) if any(config.rule.chooses for config in configs) else None
    for config in configs:
        if config.rule.chooses and no_choice:
            availabilities.append(Availability(config, 0, None, no_choice))
            continue
        absent = [name for name in config.needs if name not in available]
        if absent:
            availabilities.append(Availability(config, None, absent[0]))
            continue
        if config.ranking not in rankings:
            rankings[config.ranking] = admitted[_rank(config, admissible, u[admitted])]
        availabilities.append(Availability(config, len(rankings[config.ranking]), None))
    excluded = {name: int(mask.sum()) for name, mask in barred.items()}
    return Selection(facts, rankings, availabilities, excluded)


def refusal(one: Availability, pool: Pool) -> NTError:
    """The error that says why a config cannot be built."""
    if one.no_choice:
        reason = one.advice(pool.folder)
        return PoolTooSmall(f"config '{one.config.name}' cannot be built: {reason}")
    if one.missing:
        reason = one.advice(pool.folder)
        return MissingColumn(f"config '{one.config.name}' cannot be built: {reason}")
    return PoolTooSmall(
        f"config '{one.config.name}' needs {one.config.size} rows, selector "
        f"'{one.config.selector}' found {one.eligible} eligible of {pool.num_rows('traces')}"
    )


def _no_choice(facts: pa.Table) -> str | None:
    """Why no response can be chosen before another: each question has one; None: some have more."""
    if len(np.unique(as_numbers(facts["question_id"]))) < len(facts):
        return None
    teachers = pc.unique(facts["teacher"]).to_pylist()
    by = f": all are by '{teachers[0]}'" if len(teachers) == 1 else ""
    return f"no question has two responses to choose from{by}"


def excludes(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Where a column of `EXCLUDING` keeps a row out: it is true, or names something.

    A question that was not looked at stays: null keeps nothing out.
    """
    if pa.types.is_list(column.type):
        column = pc.greater(pc.list_value_length(column), 0)
    said: NDArray[np.bool_] = column.fill_null(False).to_numpy()
    return said


def questions_out(pool: Pool, name: str) -> dict[str, int]:
    """How many questions an annotation of `EXCLUDING` looked at, and how many it keeps out."""
    said = pool.question_annotation(name, ANNOTATIONS[name].columns)[EXCLUDING[name]]
    return {
        "questions_looked_at": len(said) - said.null_count,
        "questions": int(np.count_nonzero(excludes(said))),
    }


def excluded_questions(pool: Pool) -> NDArray[np.bool_]:
    """Of each question of a pool, whether its traces are in no config."""
    out = np.zeros(pool.num_rows("questions"), np.bool_)
    for name, column in EXCLUDING.items():
        if name in pool.annotations():
            out |= excludes(pool.question_annotation(name, ANNOTATIONS[name].columns)[column])
    return out


def _rank(config: Config, facts: pa.Table, u: Floats) -> Indices:
    """The rows that a config's selector ranked, and its mixing can decide on."""
    selector = SELECTORS[config.selector]
    ranking = selector.rank(facts, u, **selector.parameters).astype(np.int64)
    decided: Indices = ranking[decidable(config.mixing, facts)[ranking]]
    return decided
