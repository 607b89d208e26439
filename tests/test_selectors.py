"""Laws that every selector obeys, and what each of them is for."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.ids import content_id, uniform
from builders.schema import ANNOTATIONS, DOMAINS, TRACES
from builders.selectors import SELECTORS, by_weight, in_turns, shuffled

TYPES = {c.name: c.type for a in ANNOTATIONS.values() for c in a.columns} | {
    c.name: c.type for c in TRACES
}

QUESTIONS = [content_id(f"question {n}") for n in range(3000)]
_SCORES = st.sampled_from([-2.0, -1.5, -1.0, -0.5, -0.25])  # ties are frequent

_VALUES: dict[str, Any] = {
    "question_id": st.sampled_from(QUESTIONS[:12]),
    "teacher": st.sampled_from(("a", "b", "c")),
    "domain": st.sampled_from(DOMAINS),
    "cluster": st.integers(-1, 4),
    "strategies": st.lists(st.sampled_from("abcdefghij"), unique=True).map(sorted),
    "verbosity": st.integers(0, 10),
    "models_disagree": st.booleans(),
    "num_reasoning_tokens": st.integers(0, 20_000),
    "local_naturalness": _SCORES,
    "global_naturalness": _SCORES,
    "correct": st.booleans(),
}
_ALWAYS_THERE = {"num_reasoning_tokens", "question_id", "teacher"}


@st.composite
def pools(draw: st.DrawFn) -> pa.Table:
    """Facts of a few traces, any annotation of which may be null."""
    size = draw(st.integers(0, 40))
    columns = {"id": pa.array([content_id(str(n)) for n in range(size)], pa.string())}
    for name, values in _VALUES.items():
        value = values if name in _ALWAYS_THERE else st.none() | values
        drawn = draw(st.lists(value, min_size=size, max_size=size))
        columns[name] = pa.array(drawn, TYPES[name])
    return pa.table(columns)


def ranked(name: str, pool: pa.Table, seed: int = 0, **parameters: Any) -> list[str]:
    """The ids that a selector returns, the best first."""
    u = uniform(pool["id"].to_pylist(), seed=seed)
    rows = SELECTORS[name].rank(pool, u, **SELECTORS[name].parameters | parameters)
    return pool["id"].take(pa.array(rows, pa.int64())).to_pylist()


@pytest.mark.parametrize("name", SELECTORS)
class TestLaws:
    @given(pool=pools(), seed=st.integers(0, 5))
    def test_the_same_seed_gives_the_same_rows_each_once(
        self, name: str, pool: pa.Table, seed: int
    ) -> None:
        first = ranked(name, pool, seed)
        assert first == ranked(name, pool, seed)
        assert len(first) == len(set(first)) <= len(pool)

    @given(pool=pools(), shuffling=st.randoms(use_true_random=False))
    def test_the_order_of_rows_does_not_matter(
        self, name: str, pool: pa.Table, shuffling: Any
    ) -> None:
        order = list(range(len(pool)))
        shuffling.shuffle(order)
        shuffled = pool.take(pa.array(order, pa.int64()))
        assert ranked(name, pool) == ranked(name, shuffled)

    @given(pool=pools(), cut=st.integers(0, 40))
    def test_the_shards_do_not_matter(self, name: str, pool: pa.Table, cut: int) -> None:
        sharded = pa.concat_tables([pool.slice(0, cut), pool.slice(cut)])
        assert ranked(name, pool) == ranked(name, sharded)

    @given(pool=pools())
    def test_what_is_not_annotated_is_not_eligible(self, name: str, pool: pa.Table) -> None:
        rows = {row["id"]: row for row in pool.to_pylist()}
        for chosen in ranked(name, pool):
            assert all(rows[chosen][column] is not None for column in SELECTORS[name].needs)

    def test_another_seed_gives_other_rows(self, name: str) -> None:
        pool = _large_pool()
        assert ranked(name, pool, 0)[:100] != ranked(name, pool, 1)[:100]

    def test_it_describes_itself(self, name: str) -> None:
        selector = SELECTORS[name]
        assert selector.rule.endswith(".")
        assert "`" not in selector.rule
        assert selector.about, "say what is the paper's and what is our choice"
        assert set(selector.needs) <= set(TYPES)
        json.dumps(dict(selector.parameters))  # they go into the manifest


@functools.cache
def _large_pool(size: int = 6000) -> pa.Table:
    random = np.random.default_rng(0)
    columns = {
        "id": [content_id(str(n)) for n in range(size)],
        "domain": random.choice(DOMAINS, size, p=random.dirichlet(np.full(13, 5))).tolist(),
        "cluster": random.integers(-1, 20, size).tolist(),
        "strategies": [sorted(set(random.choice(list("abcdefghij"), 6))) for _ in range(size)],
        "verbosity": random.integers(0, 11, size).tolist(),
        "models_disagree": random.choice([True, False, None], size, p=[0.4, 0.5, 0.1]).tolist(),
        "num_reasoning_tokens": random.integers(1, 8000, size).tolist(),
        "question_id": QUESTIONS[:2000] * 3,
        "teacher": ["a"] * 2000 + ["b"] * 2000 + ["c"] * 2000,
        "local_naturalness": random.normal(-1, 0.3, size).tolist(),
        "global_naturalness": random.normal(-1, 0.3, size).tolist(),
    }
    return pa.table({name: pa.array(v, TYPES[name]) for name, v in columns.items()})


def _rows(name: str, size: int, **parameters: Any) -> list[dict[str, Any]]:
    pool = _large_pool()
    rows = {row["id"]: row for row in pool.to_pylist()}
    return [rows[one] for one in ranked(name, pool, **parameters)][:size]


def test_disagree_takes_disagreement_only() -> None:
    rows = _rows("disagree", 6000)
    assert all(row["models_disagree"] for row in rows)
    assert len(rows) == sum(row["models_disagree"] is True for row in _rows("random", 6000))


@pytest.mark.parametrize(("name", "low", "high"), [("verbose", 7, 10), ("concise", 0, 3)])
def test_verbosity_has_two_bands(name: str, low: int, high: int) -> None:
    assert {row["verbosity"] for row in _rows(name, 6000)} == set(range(low, high + 1))


def test_topics_and_semantic_are_uniform_in_every_prefix() -> None:
    for name, column, groups in (("topics", "domain", 13), ("semantic", "cluster", 20)):
        for size in (100, 200):
            counts = np.unique([row[column] for row in _rows(name, size)], return_counts=True)[1]
            assert len(counts) == groups
            assert counts.max() - counts.min() <= 1


def test_topics_goes_on_when_a_domain_is_used_up() -> None:
    assert len(_rows("topics", 6000)) == 6000


def test_semantic_drops_noise_or_treats_it_as_one_cluster() -> None:
    assert -1 not in {row["cluster"] for row in _rows("semantic", 6000)}
    counted = [row["cluster"] for row in _rows("semantic", 210, noise="one-cluster")]
    assert counted.count(-1) == 10


def test_strategies_takes_four_to_eight_and_prefers_the_dense() -> None:
    rows = _rows("strategies", 6000)
    assert all(4 <= len(row["strategies"]) <= 8 for row in rows)

    density = np.array([len(row["strategies"]) / row["num_reasoning_tokens"] for row in rows])
    assert (density[:500] < np.median(density)).mean() < 0.45
    # Above the median all are alike: those of the densest quarter are as frequent as there are.
    quarter = np.quantile(density, 0.75)
    upper = density[:1000][density[:1000] >= np.median(density)]
    assert abs((upper >= quarter).mean() - 0.5) < 0.1


def test_long_follows_the_weight_of_the_paper() -> None:
    rows = _rows("long", 6000)
    assert len(rows) == 6000  # every trace is eligible

    def bin_of(row: dict[str, Any]) -> int:
        return int(min(row["num_reasoning_tokens"] // 1000, 5))

    weight = np.zeros(6)
    for row in rows:
        weight[bin_of(row)] += min(1.0, (row["num_reasoning_tokens"] / 5000) ** 2.5)
    expected = 200 * weight / weight.sum()
    # Small samples without replacement have the shares of the weights; many seeds tell 2.5 from 2.
    drawn = np.zeros(6)
    for seed in range(60):
        pool = _large_pool()
        length = dict(
            zip(*(pool[n].to_pylist() for n in ("id", "num_reasoning_tokens")), strict=True)
        )
        for one in ranked("long", pool, seed)[:200]:
            drawn[min(length[one] // 1000, 5)] += 1 / 60
    assert (np.abs(drawn - expected) < 4 * np.sqrt((expected + 1) / 60)).all()


def test_equal_weights_rank_as_shuffled_does() -> None:
    """So that `long` and `random` share rows as two samples do, rather than avoid each other."""
    rows, u = np.arange(0, 3000, 2), uniform(map(str, range(3000)), seed=0)
    assert (by_weight(rows, np.full(len(rows), 0.3), u) == shuffled(rows, u)).all()


def test_by_weight_tells_tiny_weights_apart_and_puts_zero_last() -> None:
    u = uniform([content_id(str(n)) for n in range(3000)], seed=0)
    weights = np.repeat([0.0, 1e-9, 1e-6], 1000)
    order = by_weight(np.arange(3000), weights, u)
    assert set(order[-1000:]) == set(range(1000))
    assert (order[:100] >= 2000).mean() > 0.95


@given(st.lists(st.integers(0, 3), max_size=30))
def test_in_turns_takes_each_group_once_a_round(groups: list[int]) -> None:
    u = uniform([str(n) for n in range(len(groups))], seed=0)
    order = in_turns(np.arange(len(groups)), np.array(groups, np.int64), u)
    assert sorted(order) == list(range(len(groups)))
    seen: dict[int, int] = {}
    rounds = []
    for row in order:
        group = groups[row]
        rounds.append(seen.get(group, 0))
        seen[group] = rounds[-1] + 1
    assert rounds == sorted(rounds)


def test_the_readme_names_every_selector() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    assert [name for name in SELECTORS if f"`{name}`" not in readme] == []
