"""Steps that somebody else has found: a file of the offsets at which they begin.

    {"id": "9f0c4e7d21b86a35", "reasoning": [0, 120, 188], "answer": [0]}

An offset counts characters (Unicode code points) in the text as it stands in the pool. The first is
0; without offsets the text is one step.
"""

import hashlib
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.errors import BadSource
from builders.naturalness.encoding import Steps
from builders.sources.files import list_files, read_rows

_TEXTS = ("reasoning", "answer")
_WHOLE = np.zeros(1, np.uint32)


class Boundaries(NamedTuple):
    """The offsets of each trace, by its id, and a hash of them all."""

    path: Path
    digest: str
    offsets: dict[str, tuple[NDArray[np.uint32], NDArray[np.uint32]]]

    def steps(self, key: str, reasoning: str, answer: str) -> Steps:
        """Where the steps of a trace begin.

        Raises:
            BadSource: the file does not say, or it says what does not fit the texts.
        """
        if key not in self.offsets:
            raise BadSource(f"--steps {self.path}: has no boundaries for the trace {key}")
        for name, text, found in zip(_TEXTS, (reasoning, answer), self.offsets[key], strict=True):
            if text and found[-1] >= len(text):
                raise BadSource(
                    f"--steps {self.path}: trace {key}: {name} has {len(text):,} characters, a "
                    f"step cannot begin at {found[-1]:,}"
                )
        in_reasoning, in_answer = self.offsets[key]
        return Steps(in_reasoning.tolist(), in_answer.tolist())


def read_boundaries(path: Path) -> Boundaries:
    """Read and check a file of boundaries.

    Raises:
        BadSource: the file cannot be read, or a row is none.
    """
    offsets = {}
    hashed = hashlib.sha256()
    for file in list_files(path):
        for number, row in read_rows(file):
            where = f"--steps {file}, row {number}"
            if not isinstance(row, Mapping) or not isinstance(row.get("id"), str):
                raise BadSource(f"{where}: no object with the 'id' of a trace")
            if not any(name in row for name in _TEXTS):
                raise BadSource(f"{where}: has neither 'reasoning' nor 'answer', lists of offsets")
            found = [_offsets(where, name, row.get(name)) for name in _TEXTS]
            offsets[row["id"]] = (found[0], found[1])
    for key in sorted(offsets):
        hashed.update(key.encode())
        for one in offsets[key]:
            hashed.update(one.tobytes() + b";")
    return Boundaries(path, hashed.hexdigest()[:16], offsets)


def _offsets(where: str, name: str, value: Any) -> NDArray[np.uint32]:
    if value is None or value == []:
        return _WHOLE
    is_list = isinstance(value, list) and all(type(one) is int for one in value)
    if not is_list or value[0] != 0 or any(a >= b for a, b in itertools.pairwise(value)):
        raise BadSource(
            f"{where}: {name}: {str(value)[:60]} is no list of whole numbers that begins with 0 "
            "and rises"
        )
    return np.array(value, np.uint64).clip(0, 2**32 - 1).astype(np.uint32)
