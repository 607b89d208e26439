"""Selectors by the length of the trace."""

import numpy as np
import pyarrow as pa

from builders.selectors import Floats, Indices, by_weight, selector


@selector(needs=("num_reasoning_tokens",))
def long(
    columns: pa.Table, u: Floats, *, full_length: int = 5000, exponent: float = 2.5
) -> Indices:
    """Long reasoning: drawn with weight min(1, (tokens / `full_length`) ^ `exponent`).

    The paper keeps a trace with this probability. We rank by weighted sampling without replacement
    with it as the weight, so every trace is eligible and any size can be filled: our choice.
    """
    rows = np.arange(len(columns))
    tokens = columns["num_reasoning_tokens"].to_numpy().astype(np.float64)
    return by_weight(rows, np.minimum(1.0, (tokens / full_length) ** exponent), u)
