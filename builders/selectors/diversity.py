"""Selectors that spread over the questions: at random, over domains, over clusters."""

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from builders.selectors import Floats, Indices, in_turns, selector, shuffled, where

Noise = Literal["drop", "one-cluster"]


@selector(needs=())
def random(columns: pa.Table, u: Floats) -> Indices:
    """Every trace with the same probability.

    The paper's baseline.
    """
    return shuffled(np.arange(len(columns)), u)


@selector(needs=("domain",))
def topics(columns: pa.Table, u: Floats) -> Indices:
    """Uniform over the domains, which take turns until they are used up.

    The paper's rule. Turns, rather than equal chances, are our choice: every prefix is balanced.
    """
    rows = where(pc.is_valid(columns["domain"]))
    codes = pc.dictionary_encode(columns["domain"]).combine_chunks().indices
    return in_turns(rows, codes.take(pa.array(rows)).to_numpy(), u)


@selector(needs=("cluster",))
def semantic(columns: pa.Table, u: Floats, *, noise: Noise = "drop") -> Indices:
    """Uniform over clusters of similar questions, which take turns (noise: `noise`).

    The paper clusters by HDBSCAN, which leaves questions that are like no others as noise. They
    are in no cluster, so they are dropped; with `one-cluster` they take turns as one more.
    Both are our choice.
    """
    clusters = columns["cluster"]
    rows = where(pc.greater_equal(clusters, 0) if noise == "drop" else pc.is_valid(clusters))
    return in_turns(rows, clusters.take(pa.array(rows)).to_numpy(), u)
