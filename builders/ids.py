"""Ids of rows, and the random numbers that follow from them.

An id is the xxh3 hash (64 bits, 16 hex digits) of what the row says, so importing a text twice
gives the same id, in whatever order and from whatever file. At 2.8 million rows the odds that any
two different rows share an id are two in ten million.

Randomness is a hash too: of a seed, the name of the decision, and the id. It does not depend on the
order of the rows, on how they are sharded, or on which other rows there are.

>>> content_id("What is 2 + 2?")
'4128fedc6bf8adb6'
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray


def content_id(*parts: str) -> str:
    """The id of a row that consists of these texts."""
    digest = xxhash.xxh3_64()
    for part in parts:
        data = part.encode()
        digest.update(b"%d:" % len(data))  # ("ab", "c") and ("a", "bc") must differ
        digest.update(data)
    return digest.hexdigest()


def as_numbers(ids: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Ids as 64-bit numbers, for sorting and looking up."""
    fixed = pc.cast(ids, pa.binary(16)).combine_chunks()
    letters = np.frombuffer(fixed.buffers()[1] or b"", np.uint8)
    letters = letters[16 * fixed.offset : 16 * (fixed.offset + len(fixed))]
    digits = (letters & 15) + 9 * (letters >> 6)  # "0" is 0x30, "a" is 0x61
    return (digits[0::2] << 4 | digits[1::2]).view(">u8").astype(np.uint64)


def uniform(ids: Iterable[str], *, seed: int, decision: str = "rank") -> NDArray[np.float64]:
    """One number in (0, 1) for each id, independent between seeds and between decisions."""
    key = xxhash.xxh3_64_intdigest(decision, seed=seed)
    hashes = np.fromiter((xxhash.xxh3_64_intdigest(i, seed=key) for i in ids), dtype=np.uint64)
    # 53 bits fill a float64 exactly; the half keeps 0 and 1 out, whose logarithm or ratio blows up.
    return ((hashes >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
