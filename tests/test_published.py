"""Published data sets: rows written for these tests, with all the columns that their cards name."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.importing import import_source
from builders.pool import open_pool
from builders.sources import Record, Response
from builders.sources.opening import open_source

TEXT = pa.string()
SCHEMAS = {
    "openthoughts": {
        "system": TEXT,
        "conversations": pa.list_(pa.struct({"from": TEXT, "value": TEXT})),
    },
    "openthoughts-metadata": {
        "problem": TEXT,
        "deepseek_reasoning": TEXT,
        "deepseek_solution": TEXT,
        "ground_truth_solution": TEXT,
        "domain": TEXT,
        "source": TEXT,
        "test_cases": TEXT,
        "starter_code": TEXT,
    },
    "s1k": {
        "solution": TEXT,
        "question": TEXT,
        "cot_type": TEXT,
        "source_type": TEXT,
        "metadata": TEXT,
        "cot": pa.null(),
        "thinking_trajectories": pa.list_(TEXT),
        "attempt": TEXT,
    },
    "messages": {
        "messages": pa.list_(pa.struct({"content": TEXT, "role": TEXT})),
        "num_tokens": pa.int64(),
        "source": TEXT,
    },
}


def marked(thought: str, solution: str) -> str:
    return (
        f"<|begin_of_thought|>\n\n{thought}\n\n<|end_of_thought|>\n\n"
        f"<|begin_of_solution|>\n\n{solution}\n\n<|end_of_solution|>"
    )


def conversation(reply: str, question: str = "6 * 7?") -> dict[str, Any]:
    turns = [{"from": "user", "value": question}, {"from": "assistant", "value": reply}]
    return {"system": "Structure your response: <|begin_of_thought|> …", "conversations": turns}


def messages(reply: str, question: str = "6 * 7?") -> dict[str, Any]:
    turns = [{"content": question, "role": "user"}, {"content": reply, "role": "assistant"}]
    return {"messages": turns, "num_tokens": 9, "source": "some/problems"}


def metadata(**cells: str | None) -> dict[str, Any]:
    row = {
        "problem": "6 * 7?",
        "deepseek_reasoning": "Six sevens.",
        "deepseek_solution": "It is 42.",
        "ground_truth_solution": "42",
        "domain": "math",
        "source": "some/problems",
    }
    return {**row, **cells}


def s1k(**cells: Any) -> dict[str, Any]:
    row = {
        "solution": "42",
        "question": "6 * 7?",
        "cot_type": "math",
        "source_type": "some/problems",
        "metadata": "{'level': 1}",
        "thinking_trajectories": ["Six sevens."],
        "attempt": "It is 42.",
    }
    return {**row, **cells}


ROWS = {
    "openthoughts": [
        conversation(marked("Six sevens.", "It is 42.")),
        conversation(marked("", "42"), "no thought?"),
        conversation("<|begin_of_thought|>\n\nSix", "cut?"),
        conversation(marked("Six <|im_end|> sevens.", "42"), "token?"),
    ],
    "openthoughts-metadata": [
        metadata(),
        metadata(problem="Write f.", starter_code="def f(x):\n", domain="code"),
        metadata(problem="no solution?", deepseek_solution=None),
    ],
    "s1k": [
        s1k(),
        s1k(question="no trajectory?", thinking_trajectories=[]),
        s1k(question="two?", thinking_trajectories=["a", "b"]),
    ],
    "messages": [
        messages("<think>\nSix sevens.\n</think>\n\nIt is 42."),
        messages("It is 42.", "directly?"),
        messages("<think>\nSix", "cut?"),
    ],
}
DROPPED = {
    "openthoughts": ["no_reasoning", "think_not_closed", "control_token"],
    "openthoughts-metadata": ["no_answer"],
    "s1k": ["no_reasoning", "not_one_turn"],
    "messages": ["no_reasoning", "think_not_closed"],
}
TEACHERS = {"openthoughts-metadata": "deepseek", "s1k": "gemini"}


@pytest.fixture(params=SCHEMAS)
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def write(layout: str, folder: Path) -> Path:
    schema = pa.schema(list(SCHEMAS[layout].items()))
    pq.write_table(pa.Table.from_pylist(ROWS[layout], schema), folder / "train-00000.parquet")
    return folder / "train-00000.parquet"


def test_the_layout_is_recognised_and_its_rows_are_read(tmp_path: Path, layout: str) -> None:
    source = open_source(str(write(layout, tmp_path)))
    assert source.layout == layout
    first = next(iter(source.records))
    assert isinstance(first, Record)
    assert first.question == "6 * 7?"
    teacher = TEACHERS.get(layout, "unknown")
    assert first.responses == (Response(teacher, "Six sevens.", "It is 42."),)
    has_reference = layout in ("openthoughts-metadata", "s1k")
    assert first.reference_answer == ("42" if has_reference else None)
    assert first.source == ("train-00000" if layout == "openthoughts" else "some/problems")


def test_the_teacher_can_be_named(tmp_path: Path, layout: str) -> None:
    source = open_source(str(write(layout, tmp_path)), teacher="R1")
    first = next(iter(source.records))
    assert isinstance(first, Record)
    assert [response.teacher for response in first.responses] == ["R1"]


def test_what_cannot_be_used_has_its_reason(tmp_path: Path, layout: str) -> None:
    source = open_source(str(write(layout, tmp_path)))
    report = import_source(source, tmp_path / "pool")
    reasons = [row["reason"] for row in open_pool(tmp_path / "pool").dropped()]
    assert reasons == DROPPED[layout]
    assert report.traces_added == len(ROWS[layout]) - len(reasons)


def test_code_to_start_from_is_part_of_the_question(tmp_path: Path) -> None:
    records = list(open_source(str(write("openthoughts-metadata", tmp_path))).records)
    assert isinstance(records[1], Record)
    assert records[1].question == "Write f.\ndef f(x):"
