"""Reading files, recognising layouts, and what becomes of rows that cannot be used.

The rows are written for these tests, in the columns of the data sets that they are named after.
"""

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.errors import BadOption, BadSource, NTError, UnknownLayout
from builders.sources import DROP_REASONS, Drop, Record, Response, SecondAnswer, files
from builders.sources.cells import Defaults
from builders.sources.files import read_rows
from builders.sources.layouts import read_row, recognise
from builders.sources.opening import open_source

Write = Callable[..., Path]

ROWS = [
    {"question": "7 + 5?", "reasoning": "7 + 5 = 12.", "answer": "12"},
    {"question": "Größer, π oder 3?", "reasoning": "π = 3,14…\nAlso π.", "answer": "π"},
]


def records(path: Path, **options: Any) -> list[Record | Drop]:
    return list(open_source(str(path), **options).records)


def only(path: Path, **options: Any) -> Record:
    (record,) = records(path, **options)
    assert isinstance(record, Record)
    return record


def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    (tmp_path / "a.jsonl").write_bytes(lines)
    (tmp_path / "lines.json").write_bytes(lines)
    (tmp_path / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + lines + b"\n\n")
    (tmp_path / "a.json").write_text(json.dumps(ROWS))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines))
    (tmp_path / "a.json.bz2").write_bytes(bz2.compress(json.dumps(ROWS).encode()))
    (tmp_path / "a.csv").write_text(
        "question,reasoning,answer\n"
        + "".join(f'"{r["question"]}","{r["reasoning"]}","{r["answer"]}"\n' for r in ROWS)
    )
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 8
    for path in paths:
        assert [row for _, row in read_rows(path)] == ROWS, path
    assert len(records(tmp_path)) == len(ROWS) * len(paths)  # the folder of them


@pytest.mark.parametrize("chunk", [1, 7, 64, 2**20])
def test_an_array_is_read_alike_however_its_chunks_fall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(files, "_CHUNK", chunk)
    rows = [{"q": 'é"\\ \ud800' + "x" * n, "n": [-2.5, 1e300, None, {"]": n}]} for n in range(60)]
    for indent in (None, 1):
        (tmp_path / "a.json").write_text(json.dumps([*rows, 12345, "x", False], indent=indent))
        assert [row for _, row in read_rows(tmp_path / "a.json")] == [*rows, 12345, "x", False]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "has no rows"),
        ("a.json", b"[]", "has no rows"),
        ("a.csv", b"question,answer\n", "has no rows"),
        ("a.jsonl", b'{"question": "a"}\n{"question": \n', "line 2: not JSON"),
        ("a.jsonl", b'{"question": "a"}\n"' + b"[" * 100_000 + b"\n", "line 2"),
        ("a.jsonl", b"[" * 100_000, "a.jsonl"),
        ("a.json", b'[{"question": "a"}, {"question"', "not JSON"),
        ("a.csv", b'question,answer\n"a,b\n', "not CSV"),
        ("a.csv", b"question,answer\na,b,c\n", "line 2: not as many cells"),
        ("a.json", b'[{"question": "a"}] and more', "the array is not all"),
        ("a.json", b'[{"question": "a"} {"question": "b"}]', "row 1: not JSON: Expecting"),
        ("a.json", b'[{"question": "a"},]', "row 2: not JSON"),
        ("a.json", b'[{"question": "a"}, {"question": a}' + b" " * 100, "row 2: not JSON"),
        ("a.parquet", b"PAR1 but not really", "not Parquet"),
        ("a.jsonl.gz", b"not gzip", "cannot be read"),
        ("a.jsonl.gz", gzip.compress(b"{}", mtime=0)[:10] + b"\xff" * 30, "cannot be read"),
        ("a.jsonl.xz", b"not xz", "cannot be read"),
        ("a.json", b'{"data": [\n{}]}', "the whole file one array of objects"),
        ("a.jsonl", b"[1, 2]", "no object"),
        ("a.xlsx", b"", "cannot read '.xlsx' files"),
    ],
)
def test_a_broken_file_is_named_with_the_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NTError, match=message) as error:
        records(path)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="no such file"):
        open_source(str(tmp_path / "nowhere.jsonl"))
    with pytest.raises(BadSource, match=r"holds none of \.jsonl"):
        open_source(str(tmp_path))
    with pytest.raises(BadSource, match="HF_HUB_OFFLINE"):
        open_source("no-such/data-set")


def test_natural_reasoning_keeps_the_second_answers(write_jsonl: Write) -> None:
    path = write_jsonl(
        [
            {
                "question": "Why is the sky blue?",
                "reference_answer": "",
                "responses": [
                    {"response_model": "Llama3.3-70B-Instruct", "response": "Scattering."},
                    {"response_model": "Llama3.3-70B-Instruct", "response": None},
                ],
            }
        ]
    )
    record = only(path)
    assert record.reference_answer is None
    assert record.responses == ()
    assert record.second_answers == (SecondAnswer("Llama3.3-70B-Instruct", "Scattering."),)


def test_openthoughts_divides_the_reply(write_jsonl: Write) -> None:
    reply = "<think>\n6 * 7 = 42.\n</think>\n\n42"
    path = write_jsonl(
        [
            {
                "difficulty": None,
                "source": "some/forum",
                "domain": "math",
                "conversations": [
                    {"from": "human", "value": "6 * 7?"},
                    {"from": "gpt", "value": reply},
                ],
            }
        ]
    )
    record = only(path, teacher="a-teacher")
    assert record.question == "6 * 7?"
    assert record.source == "some/forum"
    assert record.responses == (Response("a-teacher", "6 * 7 = 42.", "42"),)
    assert record.annotations == {}  # its `domain` is of another taxonomy


def test_s1k_has_two_teachers(write_jsonl: Write) -> None:
    row = {
        "question": "6 * 7?",
        "solution": "42",
        "deepseek_thinking_trajectory": "6 * 7 = 42.",
        "deepseek_attempt": "It is 42.",
        "gemini_thinking_trajectory": "Seven sixes are 42.",
        "gemini_attempt": "42.",
    }
    record = only(write_jsonl([row]))
    assert record.reference_answer == "42"
    assert record.responses == (
        Response("deepseek", "6 * 7 = 42.", "It is 42."),
        Response("gemini", "Seven sixes are 42.", "42."),
    )
    kept = only(write_jsonl([row | {"gemini_attempt": None}]))
    assert [response.teacher for response in kept.responses] == ["deepseek"]
    (dropped,) = kept.dropped
    assert (dropped.reason, dropped.teacher) == ("no_answer", "gemini")


def test_limo(write_jsonl: Write) -> None:
    record = only(write_jsonl([{"question": "6 * 7?", "solution": "6 * 7 = 42.", "answer": 42}]))
    assert record.reference_answer == "42"
    assert record.responses == (Response("unknown", "6 * 7 = 42.", "42"),)


def test_gsm8k_divides_at_the_mark(write_jsonl: Write) -> None:
    path = write_jsonl([{"question": "6 * 7?", "answer": "It is <<6*7=42>>42.\n#### 42"}])
    record = only(path, license="mit")
    assert record == Record(
        question="6 * 7?",
        reference_answer="42",
        source="traces",
        license="mit",
        responses=(Response("human", "It is <<6*7=42>>42.", "42"),),
    )


def test_a_response_with_inline_thinking(write_jsonl: Write) -> None:
    row = {"question": "6 * 7?", "response": "<think>42</think>It is 42.", "teacher": "R1"}
    assert only(write_jsonl([row])).responses == (Response("R1", "42", "It is 42."),)


def test_questions_alone(write_jsonl: Write) -> None:
    record = only(write_jsonl([{"question": "6 * 7?", "license": "cc0-1.0"}]))
    assert (record.question, record.license, record.responses) == ("6 * 7?", "cc0-1.0", ())


def test_columns_are_mapped(write_jsonl: Write) -> None:
    path = write_jsonl([{"prompt": "6 * 7?", "cot": "6 * 7 = 42.", "final": "42", "by": "me"}])
    mapping = {"question": "prompt", "reasoning": "cot", "answer": "final", "teacher": "by"}
    assert only(path, columns=mapping).responses == (Response("me", "6 * 7 = 42.", "42"),)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"questoin": "prompt"}, "'questoin' is none of question"),
        ({"question": "promt"}, "the source has 'cot', 'prompt'"),
        ({"response": "cot"}, "--column question=COLUMN is missing"),
        ({"question": "prompt", "reasoning": "cot"}, "--column answer=COLUMN is missing"),
    ],
)
def test_a_wrong_mapping_is_explained(
    write_jsonl: Write, columns: dict[str, str], message: str
) -> None:
    with pytest.raises(BadOption, match=message):
        records(write_jsonl([{"prompt": "6 * 7?", "cot": "42"}]), columns=columns)


def test_unknown_columns_say_what_is_there_and_what_is_needed(write_jsonl: Write) -> None:
    for row in ({"prompt": "a", "text": "b"}, {"question": "a", "answer": "b"}):
        with pytest.raises(UnknownLayout, match="--column question=COLUMN with") as error:
            records(write_jsonl([row]))
        assert all(f"'{column}'" in str(error.value) for column in row)


GOOD = {"question": "6 * 7?", "reasoning": "6 * 7 = 42.", "answer": "42"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (GOOD | {"question": " "}, "no_question"),
        (GOOD | {"question": None}, "no_question"),
        (GOOD | {"question": ["6"]}, "not_text"),
        (GOOD | {"question": True}, "not_text"),
        (GOOD | {"reasoning": {"a": 1}}, "not_text"),
        (GOOD | {"reasoning": ""}, "no_reasoning"),
        (GOOD | {"answer": "\n"}, "no_answer"),
        (GOOD | {"answer": None}, "no_answer"),
        (GOOD | {"finish_reason": "length"}, "cut_by_length"),
        (GOOD | {"answer": "so <think> on"}, "think_not_closed"),
        (GOOD | {"answer": float("nan")}, "no_answer"),
        (GOOD | {"reasoning": "x" * 1_000_001}, "too_long"),
        (GOOD | {"reasoning": "```\nx", "answer": "```\ny"}, "not_separable"),
        (GOOD | {"question": "\ud800"}, "not_unicode"),
        ([1, 2], "not_an_object"),
        ("text", "not_an_object"),
        (None, "not_an_object"),
    ],
)
def test_a_row_that_cannot_be_used_is_dropped_with_its_reason(
    write_jsonl: Write, row: Any, reason: str
) -> None:
    path = write_jsonl([GOOD, row])
    kept = [record for record in records(path) if isinstance(record, Record)]
    drops = [record for record in records(path) if isinstance(record, Drop)]
    drops += [drop for record in kept for drop in record.dropped]
    assert [(drop.row, drop.reason) for drop in drops] == [(2, reason)]
    assert reason in DROP_REASONS
    drops[0].excerpt.encode()
    assert sum(len(record.responses) for record in kept) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["from", "value", "role", "content", "response"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
_COLUMNS = {
    "natural_reasoning": ["question", "reference_answer", "responses"],
    "openthoughts": ["conversations", "source"],
    "openthoughts-metadata": [
        *("problem", "deepseek_reasoning", "deepseek_solution"),
        *("starter_code", "ground_truth_solution"),
    ],
    "s1k": ["question", "thinking_trajectories", "attempt", "solution"],
    "messages": ["messages", "source"],
    "s1k-1.1": ["question", "deepseek_thinking_trajectory", "deepseek_attempt", "solution"],
    "limo": ["question", "solution", "answer"],
    "own": ["question", "reasoning", "answer", "teacher", "finish_reason", "license"],
}


@pytest.mark.parametrize("layout", _COLUMNS)
@given(data=st.data())
def test_no_row_stops_an_import(layout: str, data: st.DataObject) -> None:
    recognised = recognise([dict.fromkeys(_COLUMNS[layout])], {})
    assert recognised.name == layout
    values = st.dictionaries(st.sampled_from(_COLUMNS[layout]), _JSON)
    read = read_row(recognised, "file", 1, data.draw(values | _JSON), Defaults("file"))
    drops = [read] if isinstance(read, Drop) else read.dropped
    assert {drop.reason for drop in drops} <= set(DROP_REASONS)
    if isinstance(read, Record):
        assert read.question
        assert all(response.reasoning and response.answer for response in read.responses)


def test_stray_tags_in_separate_columns_are_read_as_tags(write_jsonl: Write) -> None:
    row = GOOD | {"reasoning": "<think>6 * 7 = 42.", "answer": "so</think>42"}
    assert only(write_jsonl([row])).responses == (Response("unknown", "6 * 7 = 42.\n\nso", "42"),)


def test_numbers_become_their_digits(write_jsonl: Write) -> None:
    row = GOOD | {"question": 5, "answer": 42.0, "reasoning": 0.5}
    record = only(write_jsonl([row]))
    assert record.question == "5"
    assert record.responses == (Response("unknown", "0.5", "42"),)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_row_without_a_trace_is_a_question_in_any_file_and_place(
    tmp_path: Path, suffix: str
) -> None:
    rows = [
        {"question": "alone?", "reasoning": None, "answer": None, "license": None},
        {"question": "no trace?", "reasoning": None, "answer": "yes", "license": "mit"},
        {"question": "whole?", "reasoning": "So.", "answer": "yes", "license": "mit"},
    ]
    path = tmp_path / f"a.{suffix}"
    if suffix == "jsonl":
        kept = [{k: v for k, v in row.items() if v is not None} for row in rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept))
    elif suffix == "csv":
        lines = [",".join(value or "" for value in row.values()) for row in rows]
        path.write_text("\n".join([",".join(rows[0]), *lines]))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    alone, dropped, whole = records(path)
    assert isinstance(alone, Record) and isinstance(dropped, Record) and isinstance(whole, Record)
    assert (alone.responses, alone.dropped, alone.license) == ((), (), "unknown")
    assert [drop.reason for drop in dropped.dropped] == ["no_reasoning"]
    assert whole.responses == (Response("unknown", "So.", "yes"),)
    assert whole.license == "mit"


def test_our_own_columns_come_before_those_of_published_data_sets(write_jsonl: Write) -> None:
    row = GOOD | {"solution": "other", "reference_answer": "42", "responses": []}
    assert only(write_jsonl([row])).responses == (Response("unknown", "6 * 7 = 42.", "42"),)


def test_a_mapping_reads_the_other_columns_of_every_row(write_jsonl: Write) -> None:
    cut = {"prompt": "b?", "cot": "So", "out": "x", "finish_reason": "length", "license": "cc0-1.0"}
    path = write_jsonl([{"prompt": "a?", "cot": "So.", "out": "yes"}, cut])
    mapping = {"question": "prompt", "reasoning": "cot", "answer": "out"}
    _, second = records(path, columns=mapping)
    assert isinstance(second, Record)
    assert (second.license, second.dropped[0].reason) == ("cc0-1.0", "cut_by_length")


def test_a_conversation_is_one_question_and_one_reply(write_jsonl: Write) -> None:
    turns = [{"from": "human", "value": "a?"}, {"from": "gpt", "value": "<think>b</think>c"}]
    one, two, none = records(
        write_jsonl(
            [
                {"conversations": [{"from": "system", "value": "Be brief."}, *turns]},
                {"conversations": [*turns, {"from": "human", "value": "d?"}]},
                {"conversations": None},
            ]
        )
    )
    assert isinstance(one, Record)
    assert one.responses == (Response("unknown", "b", "c"),)
    for dropped in (two, none):
        assert isinstance(dropped, Drop)
        assert dropped.reason == "not_one_turn"


def test_of_parquet_only_what_matters_is_decoded(tmp_path: Path) -> None:
    rows = [GOOD]
    table = pa.Table.from_pylist(rows)
    beyond = pa.array([2**62], pa.timestamp("us"))  # a date that Python does not have
    pq.write_table(table.append_column("when", beyond), tmp_path / "a.parquet")
    assert only(tmp_path / "a.parquet").responses


def test_names_hold_no_folder_of_this_machine(write_jsonl: Write) -> None:
    path = write_jsonl([GOOD, GOOD | {"answer": ""}])
    source = open_source(str(path))
    assert source.name == "traces.jsonl"
    dropped = [
        drop for record in source.records if isinstance(record, Record) for drop in record.dropped
    ]
    assert [drop.origin for drop in dropped] == ["traces.jsonl"]


def test_a_folder_is_read_without_what_describes_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    for path in ("a.jsonl", "sub/a.jsonl"):
        (tmp_path / path).write_text(json.dumps(GOOD | {"question": path}))
    for path in ("manifest.json", ".git/x.json", "README.md"):
        (tmp_path / path).write_text("not rows")
    questions = [r.question for r in records(tmp_path) if isinstance(r, Record)]
    assert questions == ["a.jsonl", "sub/a.jsonl"]


def test_a_question_whose_response_is_dropped_is_kept(write_jsonl: Write) -> None:
    kept = only(write_jsonl([GOOD | {"answer": ""}]))
    assert kept.question == GOOD["question"]
    assert (kept.responses, len(kept.dropped)) == ((), 1)
