"""What an evaluation leaves, and a comparison reads: a folder with samples.parquet and run.json.

A row is one question, asked in one mode with one seed:

    benchmark='demo_like' question_id='9f2c…' mode='think' seed=0 correct=True extracted='12'
    reference='12' tokens=81 thinking_tokens=74 thought=True truncated=False domain='Engineering'
    difficulty='4' text='<think>\\nIt is just like …\\n</think>\\n\\nThe answer is 12.'

run.json says what was run: model, engine, versions, data, sampling, hashes of the prompts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from preflight import Stop

FORMAT = 1
SAMPLES, RECORD = "samples.parquet", "run.json"
MODES = ("think", "adaptive", "no_think")
KEYS = ("benchmark", "mode", "seed", "question_id")

SCHEMA = pa.schema(
    [
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("question_id", pa.string(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),
        pa.field("seed", pa.int32(), nullable=False),
        pa.field("correct", pa.bool_(), nullable=False),
        pa.field("extracted", pa.string()),  # null: no answer was found
        pa.field("reference", pa.string(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),  # up to and with the first end of text
        pa.field("thinking_tokens", pa.int32(), nullable=False),  # of these, before </think>
        pa.field("thought", pa.bool_(), nullable=False),  # thinking that is not empty
        pa.field("truncated", pa.bool_(), nullable=False),  # cut by the length: always wrong
        pa.field("domain", pa.string()),
        pa.field("difficulty", pa.string()),
        pa.field("text", pa.string(), nullable=False),
    ]
)


class Run(NamedTuple):
    """One model's evaluation."""

    folder: Path
    record: dict[str, Any]
    samples: pa.Table

    @property
    def name(self) -> str:
        """What the run is called in tables and pictures."""
        name: str = self.record["name"]
        return name


def read_run(folder: Path | str, *, columns: list[str] | None = None) -> Run:
    """Read a run; `columns` of its samples, or all of them.

    Raises:
        Stop: the folder holds no run, or one of another format.
    """
    folder = Path(folder)
    record = read_record(folder)
    path = folder / SAMPLES
    if record is None or not path.is_file():
        raise Stop(
            f"{folder} holds no results ({RECORD} and {SAMPLES}); make them: "
            f"python recipes/eval.py --model MODEL --out {folder}"
        )
    return Run(folder, record, read_samples(path, columns=columns))


def read_samples(path: Path, *, columns: list[str] | None = None) -> pa.Table:
    """Read a table of samples, all columns or some.

    Raises:
        Stop: it is of another format.
    """
    wanted = [field for field in SCHEMA if columns is None or field.name in columns]
    try:
        found = pq.read_schema(path)
        for field in SCHEMA:
            if field.name not in found.names or found.field(field.name).type != field.type:
                raise Stop(
                    f"{path} is of another format: it needs a column {field.name} of type "
                    f"{field.type}; has: {', '.join(found.names)}"
                )
        read = pq.read_table(path, columns=[field.name for field in wanted])
    except (pa.ArrowInvalid, OSError) as error:
        raise Stop(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    return read.cast(pa.schema(wanted))


def read_record(folder: Path) -> dict[str, Any] | None:
    """What run.json says; None if there is none.

    Raises:
        Stop: it is of another format.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Stop(f"{path} is not JSON: {error}") from error
    found = record.get("format") if isinstance(record, dict) else None
    if found != FORMAT or "benchmarks" not in record:
        raise Stop(
            f"{path} is not a run of recipes/eval.py in format {FORMAT}: it says format {found!r}; "
            f"evaluate again into another folder"
        )
    told: dict[str, Any] = record
    return told


def write_run(folder: Path, record: dict[str, Any], samples: pa.Table) -> None:
    """Write samples and record, each whole or not at all, the record last."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = samples.select(SCHEMA.names).cast(SCHEMA)
    samples = samples.sort_by([(key, "ascending") for key in KEYS])
    partial = folder / f".{SAMPLES}.{os.getpid()}"
    pq.write_table(samples, partial, compression="zstd")
    partial.replace(folder / SAMPLES)
    write_record(folder, record)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write run.json."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{RECORD}.{os.getpid()}"
    text = json.dumps({"format": FORMAT, **record}, indent=2, ensure_ascii=False)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(folder / RECORD)
