"""How many bytes of a release are new to the Hub, by the chunks that it cuts itself.

    python benchmarks/storage.py [--rows 8000]

hf_xet, which uploads to the Hub, cuts files by their content into chunks of about 64 kB and sends
those that are not there yet. It also writes to a folder (`local://`), and says what was new: that
is measured, for files as we write them and for other ways of writing.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hf_xet
import pyarrow as pa
import pyarrow.parquet as pq
from build_configs import records
from measure import machine, write_section

from builders.files import PARQUET, ROW_GROUP_ROWS
from builders.ids import content_id
from builders.schema import PUBLISHED, arrow_schema

SCHEMA = arrow_schema(PUBLISHED)
CHANGED = 0.01

WAYS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "content-defined chunking": {"use_content_defined_chunking": True},
    "the same, a page for nearly every row": {
        "use_content_defined_chunking": {"min_chunk_size": 1024, "max_chunk_size": 2048},
        "use_dictionary": ["source", "license", "teacher", "domain", "mode"],
    },
}

Rows = list[dict[str, Any]]


def published(record: dict[str, Any]) -> dict[str, Any]:
    """A published row."""
    question, reasoning, answer = (record[name] for name in ("question", "reasoning", "answer"))
    reply = f"<think>\n{reasoning}\n</think>\n\n{answer}"
    return dict.fromkeys(SCHEMA.names) | {
        "id": content_id(question, reasoning),
        "question_id": content_id(question),
        "question": question,
        "source": "synthetic",
        "license": "cc0-1.0",
        "teacher": "synthetic",
        "reasoning": reasoning,
        "answer": answer,
        "num_tokens": len(reasoning) // 4,
        "num_reasoning_tokens": len(reasoning) // 4,
        "domain": record["domain"],
        "verbosity": record["verbosity"],
        "models_disagree": record["models_disagree"],
        "mode": "think",
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": reply},
        ],
    }


def later_releases(rows: Rows, others: Rows) -> dict[str, Rows]:
    """The release after this one, in which a row of a hundred changed in one way or another."""
    chance = random.Random(0)
    which = set(chance.sample(range(len(rows)), len(others)))
    fresh = iter(others)
    labels = [
        row | {"verbosity": (row["verbosity"] + 1) % 11} if n in which else row
        for n, row in enumerate(rows)
    ]
    texts = [next(fresh) if n in which else row for n, row in enumerate(rows)]
    ranks = [row for n, row in enumerate(rows) if n not in which]
    for row in others:
        ranks.insert(chance.randrange(len(ranks)), row)
    return {"a label": labels, "the text": texts, "which rows, and so the ranks": ranks}


def write(rows: Rows, path: Path, way: dict[str, Any]) -> Path:
    """A file as the build writes it, or in another way."""
    with pq.ParquetWriter(path, SCHEMA, **PARQUET, **way) as writer:
        writer.write_table(pa.Table.from_pylist(rows, SCHEMA), ROW_GROUP_ROWS)
    return path


def new_bytes(paths: Sequence[Path], store: Path) -> list[int]:
    """How many bytes of each file were not in those before it."""
    store.mkdir()
    session = hf_xet.XetSession()
    found = []
    for path in paths:
        with session.new_upload_commit(endpoint=f"local://{store}") as commit:
            upload = commit.start_upload_file(str(path))
        found.append(int(upload.result().dedup_metrics.new_bytes))
    return found


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8000)
    count = parser.parse_args().rows
    made = [published(record) for record in records(count + int(count * CHANGED))]
    rows, others = made[:count], made[count:]
    later = later_releases(rows, others)
    lines = [
        f"| written | MB | nested sizes | {' | '.join(later)} |",
        "|---|---:|---:|" + "---:|" * len(later),
    ]
    for name, way in WAYS.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            sizes = [count // 8, count // 4, count // 2, count]
            nested = [write(rows[:n], folder / f"{n}.parquet", way) for n in sizes]
            largest = nested[-1].stat().st_size
            together = sum(new_bytes(nested, folder / "nested")) / largest
            shares = []
            for number, changed in enumerate(later.values()):
                path = write(changed, folder / "later.parquet", way)
                _, new = new_bytes([nested[-1], path], folder / f"store{number}")
                shares.append(f"{new / path.stat().st_size:.1%}")
        lines.append(f"| {name} | {largest / 1e6:.1f} | {together:.3f} | {' | '.join(shares)} |")
    table = "\n".join(lines)
    text = f"""
{count:,} synthetic rows of about 12 kB, {ROW_GROUP_ROWS:,} in a row group, cut by hf_xet as for
the Hub. *Nested sizes*: the bytes of configs of an eighth, a quarter, a half and all of the rows,
against the largest alone. Then the share of new bytes in a release in which {CHANGED:.0%} of the
rows changed: a label of them; their text, in place; or they left, and others came in elsewhere.

{table}

Wanted: nested sizes at most 1.1, a changed release under 10%. The last two columns cannot get
there: a chunk is about 64 kB and holds a dozen compressed texts, each text is there twice
(`messages` repeats it), and a page that is compressed together changes as a whole. The page for
every row comes nearest, and makes every file larger, for ever.

{machine()}
"""
    write_section("storage", "Bytes that are new to the Hub", text)


if __name__ == "__main__":
    main()
