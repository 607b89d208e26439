"""Counting tokens, with a tokenizer that has a name.

The default, `words`, needs no download: it counts runs of letters, single digits and single other
symbols, where every character beyond ASCII is a letter. That is near what a model's tokenizer gives
for short words and numbers, and less than it for long words and for scripts without spaces; name
the student's tokenizer where the count matters.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from builders.errors import BadOption

WORDS = "words"
_LOCAL = "file-"

# Every byte is white space, part of a word, or a token alone; UTF-8's bytes beyond ASCII are words.
_SPACE, _LETTER, _SINGLE = 0, 1, 2
_KIND = np.full(256, _SINGLE, np.uint8)
_KIND[[ord(c) for c in " \t\n\r\v\f\0"]] = _SPACE
_KIND[[b for b in range(256) if b >= 128 or chr(b).isalpha()]] = _LETTER


class Tokenizer(NamedTuple):
    """A named way to count: an array of texts in, an int32 array of counts out.

    The revision is the commit of a tokenizer on the Hub, or a hash of a local file; a local file is
    named without its folder, since names are published.
    """

    name: str
    revision: str | None
    count: Callable[[pa.Array], pa.Array]


def load_tokenizer(name: str = WORDS, *, revision: str | None = None) -> Tokenizer:
    """The tokenizer `words`, one from a `tokenizer.json` or its folder, or one from the Hub.

    Args:
        name: `words`, a path, or the Hub's id.
        revision: the commit of a tokenizer on the Hub; by default its newest.

    Raises:
        BadOption: there is no such tokenizer, or the Hub cannot be reached.
    """
    if name == WORDS:
        return Tokenizer(name, None, _count_words)
    path = Path(name)
    if path.is_dir():
        path /= "tokenizer.json"
    if path.is_file():
        digest = xxhash.xxh3_64_hexdigest(path.read_bytes())
        return Tokenizer(path.resolve().parent.name, f"{_LOCAL}{digest}", _counter(path))
    return _from_hub(name, None if is_local(revision) else revision)


def is_local(revision: str | None) -> bool:
    """Whether a tokenizer's revision is that of a local file."""
    return revision is not None and revision.startswith(_LOCAL)


def _from_hub(name: str, revision: str | None) -> Tokenizer:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        path = Path(hf_hub_download(name, "tokenizer.json", revision=revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadOption(
            f"--tokenizer {name}: neither '{WORDS}', nor a tokenizer.json or a folder with one, "
            f"nor to be had from the Hub ({reason})"
        ) from error
    # The Hub's cache keeps a file under snapshots/<commit>/, which is what was resolved.
    return Tokenizer(name, path.parent.name, _counter(path))


def _count_words(texts: pa.Array) -> pa.Array:
    _, offset_buffer, data = texts.buffers()
    if data is None or not len(texts):
        return pa.array(np.zeros(len(texts), np.int32))
    offsets = np.frombuffer(offset_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    kind = _KIND[np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]]
    starts = kind == _SINGLE
    letter = kind == _LETTER
    starts[1:] |= letter[1:] & ~letter[:-1]
    filled = np.diff(offsets) > 0
    row_starts = (offsets[:-1] - offsets[0])[filled]
    starts[row_starts] |= letter[row_starts]  # a word does not go on from one row to the next
    counts = np.zeros(len(texts), np.int32)
    if len(row_starts):
        counts[filled] = np.add.reduceat(starts, row_starts, dtype=np.int32)
    return pa.array(counts)


def _counter(path: Path) -> Callable[[pa.Array], pa.Array]:
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise BadOption(f"--tokenizer: {path} is not a tokenizer.json: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: pa.Array) -> pa.Array:
        encoded = tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)
        return pa.array([len(one) for one in encoded], pa.int32())

    return count
