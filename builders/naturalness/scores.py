"""From the log-probabilities of a response to the columns of the annotation.

steps of 1, 1 and 2 tokens with log-probabilities (-1), (-3), (-2, -6):
local_naturalness = mean(-1, -3, -4), global_naturalness = mean(-1, -3, -2, -6)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def columns_of(whole: Floats, steps: Sequence[Floats]) -> dict[str, Any]:
    """The annotation's columns for one response.

    Args:
        whole: the log-probability of each token, given everything before it.
        steps: for each step, that of each of its tokens, given its window; none is empty.
    """
    lengths = np.array([len(step) for step in steps])
    scores = np.array([step.mean(dtype=np.float64) for step in steps])
    later = [step[1:].mean(dtype=np.float64) for step in steps if len(step) > 1]
    inverse = 1 / lengths
    return {
        "local_naturalness": float(scores.mean()),
        "global_naturalness": float(whole.mean(dtype=np.float64)),
        "local_naturalness_skip_first": float(np.mean(later)) if later else None,
        "num_steps": len(steps),
        "num_student_tokens": len(whole),
        "step_inverse_length": float(inverse.mean()),
        "step_inverse_length_squared": float((inverse**2).mean()),
        "step_inverse_length_times_score": float((inverse * scores).mean()),
        "not_scored": None,
    }
