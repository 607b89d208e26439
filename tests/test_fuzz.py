"""A fuzzer over whole imports: nothing that a file can hold stops one with anything but an NTError.

Two kinds of noise: rows of any shape in every format, and real files with bytes changed, cut out or
doubled. What is kept then has to load, and to build.
"""

import bz2
import gzip
import io
import json
import lzma
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.build import build
from builders.control_tokens import control_token
from builders.errors import NTError
from builders.importing import import_source
from builders.pool import open_pool
from builders.sources import DROP_REASONS
from builders.sources.opening import open_source

ROWS = [
    {
        "question": f"What is {n} + 1? Größer als π?",
        "reasoning": f"{n} + 1 is {n + 1}.\nSo it is.",
        "answer": str(n + 1),
        "license": "mit",
        "teacher": None if n % 3 else "t",
    }
    for n in range(40)
]


def _csv() -> bytes:
    text = io.StringIO()
    text.write(",".join(ROWS[0]) + "\n")
    for row in ROWS:
        text.write(",".join('"' + (cell or "") + '"' for cell in row.values()) + "\n")
    return text.getvalue().encode()


def _parquet(compression: str) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), buffer, compression=compression, row_group_size=10)
    return buffer.getvalue()


LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
FILES: dict[str, bytes] = {
    "a.jsonl": LINES,
    "a.json": json.dumps(ROWS).encode(),
    "a.csv": _csv(),
    "plain.parquet": _parquet("none"),
    "zstd.parquet": _parquet("zstd"),
    "a.jsonl.gz": gzip.compress(LINES, mtime=0),
    "a.json.bz2": bz2.compress(json.dumps(ROWS).encode()),
    "a.csv.xz": lzma.compress(_csv()),
}


def check_import(path: Path) -> int | None:
    """Import a file, build from it, and return the number of traces; None if it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        pool = Path(folder) / "pool"
        try:
            import_source(open_source(str(path)), pool, shard_rows=16)
        except NTError as error:
            assert str(error)
            assert not pool.exists()
            return None
        opened = open_pool(pool)
        assert set(opened.dropped_by_reason()) <= set(DROP_REASONS)
        traces = opened.num_rows("traces")
        (pool / "README.md").read_text("utf-8")
        if traces:
            build(pool, Path(folder) / "nt", configs=[f"random-{traces}"])
            rows = pq.read_table(Path(folder) / "nt" / f"random-{traces}").to_pylist()
            assert len(rows) == traces
            for row in rows:
                assert row["question"] and row["reasoning"] and row["answer"]
                assert not any(control_token(message["content"]) for message in row["messages"])
        return traces


def mutate(content: bytes, noise: random.Random) -> bytes:
    """Some bytes changed, cut out, doubled, or written by somebody who knows the formats."""
    data = bytearray(content)
    for _ in range(noise.choice([1, 1, 2, 5, 30])):
        at = noise.randrange(len(data) + 1)
        length = noise.choice([1, 2, 8, 64])
        kind = noise.randrange(6)
        if kind == 0:
            data[at : at + 1] = bytes([noise.randrange(256)])
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = data[max(0, at - length) : at]
        elif kind == 3:
            data[at : at + length] = noise.randbytes(length)
        elif kind == 4:
            data[at:at] = noise.choice(WORDS)
        else:
            del data[at:]
    return bytes(data)


WORDS = [
    *(b'"', b"\\", b"\\ud800", b"\\u0000", b"\0", b"\xff", b"\xed\xa0\x80", b"\r", b"\n", b","),
    *(b"[" * 200, b'{"question":' * 200, b"]", b"}", b"1e999", b"9" * 5000, b"NaN", b"null"),
    *(b"<think>", b"</think>", b"<|im_end|>", b"```\n", b"\xef\xbb\xbf", b'{"question": "a"}\n'),
]


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_good_before_they_are_changed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    assert check_import(tmp_path / name) == len(ROWS)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "times", [pytest.param(12, id="few"), pytest.param(400, id="many", marks=pytest.mark.slow)]
)
@pytest.mark.timeout(1800)
def test_changed_bytes_are_refused_or_cost_rows(tmp_path: Path, name: str, times: int) -> None:
    outcomes = []
    for seed in range(times):
        path = tmp_path / name
        path.write_bytes(mutate(FILES[name], random.Random(f"{name}-{seed}")))
        try:
            outcomes.append(check_import(path))
        except Exception:
            shutil.copy(path, tmp_path / f"found-{seed}-{name}")
            raise
    assert any(outcome is None for outcome in outcomes)
    if times > 100 and not name.endswith((".gz", ".bz2", ".xz")):
        assert any(outcome not in (None, len(ROWS)) for outcome in outcomes)


TEXTS = st.text(max_size=20) | st.sampled_from(
    ["<think>a</think>b", "a</think>", "<think>", "```", "`", "<|im_end|>", "</s>", "\0", "\x1b[2J"]
)
LONE = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=2)
CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | LONE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["from", "value", "role", "content", "response"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *("question", "reasoning", "answer", "response", "teacher", "license", "finish_reason"),
        *("conversations", "messages", "responses", "reference_answer", "solution", "attempt"),
        *("problem", "deepseek_reasoning", "deepseek_solution", "thinking_trajectories", "\udc00"),
    ]
)
OBJECTS = st.dictionaries(NAMES, CELLS, max_size=5)
TRACES = st.fixed_dictionaries(
    {"question": TEXTS | CELLS, "reasoning": TEXTS | CELLS, "answer": TEXTS | CELLS}
)


def _lines(rows: list[Any], path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _array(rows: list[Any], path: Path) -> None:
    path.write_text(json.dumps(rows))


def _table(rows: list[Any], path: Path) -> None:
    """Parquet has one type for a column: whatever does not fit is text."""
    texts = [
        {str(k).encode(errors="replace").decode(): _text(v) for k, v in row.items()}
        for row in rows
        if isinstance(row, dict)
    ]
    pq.write_table(pa.Table.from_pylist(texts or [{"a": "b"}]), path)


def _text(value: Any) -> str | None:
    return None if value is None else str(value).encode(errors="replace").decode()


WRITERS: dict[str, Callable[[list[Any], Path], None]] = {
    "a.jsonl": _lines,
    "a.json": _array,
    "a.parquet": _table,
}


def _fuzz(name: str, examples: int) -> None:
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(st.lists(TRACES | OBJECTS | CELLS, max_size=6))
    def check(rows: list[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            WRITERS[name]([ROWS[0], *rows], path)
            check_import(path)

    check()


@pytest.mark.parametrize("name", WRITERS)
def test_rows_of_any_shape(name: str) -> None:
    _fuzz(name, 15)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", WRITERS)
def test_many_rows_of_any_shape(name: str) -> None:
    _fuzz(name, 500)
