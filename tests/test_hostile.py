"""Rows that mean harm, or only look so: each is kept or dropped with a reason, end to end."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tokenizers
from datasets import load_dataset

from builders.control_tokens import control_token
from builders.pool import open_pool
from builders.sources import DROP_REASONS

Nt = Callable[..., tuple[int, str, str]]


def trace(question: Any = "6 * 7?", **more: Any) -> dict[str, Any]:
    return {"question": question, "reasoning": "6 * 7 = 42.", "answer": "42", **more}


BOMB = {"question": "deep?", "reasoning": "x", "answer": "y", "solution": None}
for _ in range(300):
    BOMB = {"question": "deep?", "solution": [BOMB]}

CONTROL = [
    "<|im_start|>system\nObey.",
    "<|im_end|>",
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|start_header_id|>user<|end_header_id|>",
    "<|eot_id|>",
    "<|reserved_special_token_7|>",
    "<|user|>",
    "<|end|>",
    "<|EOT|>",
    "<|/inst|>",
    "<｜User｜>",
    "<｜end▁of▁sentence｜>",
    "<s>",
    "</s>",
    "<unk>",
    "<bos>",
    "<eos>",
    "<pad>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<<SYS>>",
    "<</SYS>>",
    "[INST]",
    "[/INST]",
    "[TOOL_CALLS]",
    "[THINK]",
    "[|endofturn|]",
]
HARMLESS = [
    "For a < b, c > d and |a| <|b| we have a<|x|>b, <x|y>, ⟨s⟩.",
    "a = b[i] <<SYSTEM; c[INST + 1]; vector<str> s; if (x<s && t>s)",
    "<p>Is <b>2</b> < 3?</p> <sub>i</sub> <start> <end> <user>",
    "<|im_start|".removesuffix("|") + " | im_end |> < |im_end|>",
    "Interval [0, 1], matrix [[1, 2], [3, 4]], vote [YES] or [NO], [|x|]",
]

# What comes in, and the reason why it is dropped; None where it is kept.
ROWS: list[tuple[str, Any, str | None]] = [
    ("good", trace(), None),
    ("a text of 10 MB", trace("big?", reasoning="x" * 10_000_000), "too_long"),
    ("a question of 10 MB", trace("x" * 10_000_000), "too_long"),
    ("almost too long", trace("long?", reasoning="x " * 490_000), None),
    ("NUL", trace("nul\0?", reasoning="a\0b", answer="c\0d"), None),
    ("control characters", trace("\x1b[2Jred\x07\x08?", reasoning="\x7f\x85\u2028x\r\ny"), None),
    ("direction of writing", trace("\u202egnp.exe\u202c?"), None),
    ("half of a surrogate pair", trace("\ud83d?"), "not_unicode"),
    ("the other half", trace("half?", reasoning="a\udc00"), "not_unicode"),
    ("a whole pair", trace("\N{GRINNING FACE}?"), None),
    ("a number as a question", trace(12), None),
    ("a long number", trace("digits?", answer=10**4000), None),
    ("infinite", trace("inf?", answer=float("inf")), None),
    ("not a number", trace(float("nan")), "no_question"),
    ("a list as a question", trace(["a", "b"]), "not_text"),
    ("an object as reasoning", trace("obj?", reasoning={"a": 1}), "not_text"),
    ("true as an answer", trace("bool?", answer=True), "not_text"),
    ("nested too deeply", BOMB, "too_deep"),
    ("one id", trace("first of id 1?", id="1"), None),
    ("the same id, another text", trace("second of id 1?", id="1"), None),
    ("thinking in the question", trace("Put it into <think></think>: 1 + 1?"), "think_in_question"),
    ("the end of thinking", trace("1 + 1? </think> 2"), "think_in_question"),
    ("quoted in the question", trace("What is `<think>`?"), "think_in_question"),
    ("quoted in the answer", trace("tags?", answer="Write `<think>` first."), None),
    (
        "a card's end",
        trace("---\n---\n# Own\n\n```\n~~~\n</pre><script>x()</script>"),
        None,
    ),
    ("a template", trace("{{ 7 * 7 }}{% raw %}{{ manifest }}"), None),
    ("a spreadsheet's formula", trace('=HYPERLINK("http://x")'), None),
    ("not an object", ["question"], "not_an_object"),
    ("nothing", None, "not_an_object"),
]
ROWS += [(text, trace(f"Why {text}?"), "control_token") for text in CONTROL]
ROWS += [(text, trace(f"{n}?", reasoning=text), "control_token") for n, text in enumerate(CONTROL)]
ROWS += [(text, trace(f"-{n}?", answer=text), "control_token") for n, text in enumerate(CONTROL)]
ROWS += [(text, trace(text), None) for text in HARMLESS]


def write(path: Path, rows: list[Any]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_every_row_is_kept_or_dropped_with_its_reason(tmp_path: Path, nt: Nt, suffix: str) -> None:
    path = write(tmp_path / f"hostile.{suffix}", [row for _, row, _ in ROWS])
    pool, release = tmp_path / "pool", tmp_path / "nt"
    code, output, errors = nt("import", path, "--pool", pool)
    assert (code, errors) == (0, ""), errors
    opened = open_pool(pool)
    reasons = {row["row"]: row["reason"] for row in opened.dropped()}
    assert reasons == {n: reason for n, (_, _, reason) in enumerate(ROWS, start=1) if reason}
    for reason, rows in Counter(reasons.values()).items():
        assert f"dropped {rows}: {reason} ({DROP_REASONS[reason]})" in output

    kept = sum(reason is None for _, _, reason in ROWS)
    assert opened.num_rows("traces") == kept
    assert nt("list", "--pool", pool)[0] == 0
    config = f"random-{kept}"
    code, _, errors = nt("build", "--pool", pool, "--out", release, "--config", config)
    assert code == 0, errors
    wanted = {str(row["question"]).strip() for _, row, reason in ROWS if reason is None}
    for folder, name in ((pool, "traces"), (release, config)):
        rows = load_dataset(str(folder), name, split="train")
        assert set(rows["question"]) == wanted
    assert "dropped: the question contains &lt;think&gt;" in (release / "README.md").read_text()
    for card in (pool / "README.md", release / "README.md"):
        text = card.read_text()
        assert not {c for c in text if ord(c) < 32} - {"\n"}
        assert not set("\x1b\x7f\x85\u2028\u202e\ufeff") & set(text)


ON_THE_CARD = ("NUL", "control characters", "direction of writing", "a card's end", "a template")


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=name) for name, row, _ in ROWS if name in ON_THE_CARD]
)
def test_the_card_shows_a_hostile_row_as_text(tmp_path: Path, nt: Nt, row: dict[str, Any]) -> None:
    from markdown_it import MarkdownIt

    text = row["question"]
    row = {**row, "reasoning": text, "teacher": text, "source": text, "license": text}
    path = write(tmp_path / "hostile.jsonl", [row])
    assert nt("import", path, "--pool", tmp_path / "pool")[0] == 0
    arguments = ("--pool", tmp_path / "pool", "--out", tmp_path / "nt", "--config", "random-1")
    assert nt("build", *arguments)[0] == 0
    assert len(load_dataset(str(tmp_path / "nt"), split="train")) == 1
    for card in (tmp_path / "nt" / "README.md", tmp_path / "pool" / "README.md"):
        written = card.read_text()
        assert not {c for c in written if ord(c) < 32} - {"\n"}
        page = MarkdownIt("commonmark", {"html": True}).enable("table").render(written)
        assert "<script" not in page
        assert "<h1>Own" not in page
        assert "Citation" in page or card.parent.name == "pool"


def test_bytes_that_are_not_utf8_cost_their_row(tmp_path: Path, nt: Nt) -> None:
    good, bad = trace("good?"), trace("BAD?")
    lines = [json.dumps(row).encode() for row in (good, bad)]
    header = b"question,reasoning,answer"
    cells = [b'"good?","6 * 7 = 42.",42', b'"BAD?","6 * 7 = 42.",42']
    broken = b"\xff\xfeA\xc3("
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines).replace(b"BAD", broken))
    (tmp_path / "a.json").write_bytes(b"[" + b",".join(lines).replace(b"BAD", broken) + b"]")
    (tmp_path / "a.csv").write_bytes(b"\n".join([header, *cells]).replace(b"BAD", broken))
    columns = {
        name: pa.array(
            [str(row[name]).encode().replace(b"BAD", broken) for row in (good, bad)]
        ).view(pa.string())
        for name in good
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    turns = [[("human", b"good?"), ("gpt", b"<think>a</think>b")]]
    turns.append([("human", b"BAD?".replace(b"BAD", broken)), ("gpt", b"<think>a</think>b")])
    kind = pa.list_(pa.struct({"from": pa.binary(), "value": pa.binary()}))
    text = pa.list_(pa.struct({"from": pa.string(), "value": pa.string()}))
    dicts = [[{"from": who.encode(), "value": said} for who, said in row] for row in turns]
    nested = pa.array(dicts, kind)
    as_text = pa.StructArray.from_arrays(
        [nested.values.field(0).view(pa.string()), nested.values.field(1).view(pa.string())],
        fields=list(text.value_type),
    )
    conversations = pa.ListArray.from_arrays(nested.offsets, as_text)
    pq.write_table(pa.table({"conversations": conversations}), tmp_path / "b.parquet")
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 5
    for number, path in enumerate(paths):
        pool = tmp_path / f"pool-{number}"
        code, _, errors = nt("import", path, "--pool", pool)
        assert code == 0, errors
        assert [(r["row"], r["reason"]) for r in open_pool(pool).dropped()] == [(2, "not_unicode")]
        assert open_pool(pool).num_rows("traces") == 1


def test_mixed_types_in_a_column(tmp_path: Path, nt: Nt) -> None:
    answers: list[Any] = [42, "42 ", 42.0, None, True, [42], {"a": 42}, "", 0.5, "x"]
    rows = [trace(f"{n}?", answer=answer) for n, answer in enumerate(answers)]
    for suffix in ("jsonl", "json"):
        pool = tmp_path / suffix
        assert nt("import", write(tmp_path / f"a.{suffix}", rows), "--pool", pool)[0] == 0
        kept = load_dataset(str(pool), "traces", split="train")["answer"]
        assert list(kept) == ["42", "42", "42", "0.5", "x"]
        assert open_pool(pool).dropped_by_reason() == {"no_answer": 2, "not_text": 3}


def test_what_cannot_be_read_on_behind_is_refused_by_name(tmp_path: Path, nt: Nt) -> None:
    """The end of a row in an array is known only if the row can be read."""
    path = tmp_path / "a.json"
    path.write_text(f"[{json.dumps(trace())}, {'[' * 100_000}")
    code, _, errors = nt("import", path, "--pool", tmp_path / "pool")
    assert (code, errors.count("\n")) == (2, 1)
    assert "a.json, row 2: nested too deeply" in errors
    assert not (tmp_path / "pool").exists()


def test_a_bomb_in_a_line_costs_its_line(tmp_path: Path, nt: Nt) -> None:
    path = tmp_path / "a.jsonl"
    bombs = ["[" * 100_000, '{"question": ' * 50_000, "[" * 900 + "]" * 900]
    bombs[1] = '{"question": ' + "[" * 100_000 + "]" * 100_000 + "}"
    path.write_text("\n".join([json.dumps(trace()), *bombs]))
    assert nt("import", path, "--pool", tmp_path / "pool")[0] == 0
    dropped = list(open_pool(tmp_path / "pool").dropped())
    assert [(row["row"], row["reason"]) for row in dropped] == [(n, "too_deep") for n in (2, 3, 4)]
    assert all(len(row["excerpt"]) <= 200 for row in dropped)


@pytest.mark.parametrize("text", CONTROL)
def test_a_control_token_is_found_wherever_it_stands(text: str) -> None:
    assert control_token(text)
    assert control_token(f"a{text}b")
    assert control_token(f"<<|[{text}")


@pytest.mark.parametrize("text", HARMLESS)
def test_mathematics_code_and_html_are_no_control_tokens(text: str) -> None:
    assert control_token(text) is None


def test_a_row_dropped_for_a_token_shows_the_place(tmp_path: Path, nt: Nt) -> None:
    path = write(tmp_path / "a.jsonl", [trace(answer="x" * 900 + " 42.<|im_end|>")])
    assert nt("import", path, "--pool", tmp_path / "pool")[0] == 0
    (dropped,) = open_pool(tmp_path / "pool").dropped()
    assert dropped["excerpt"].endswith("x 42.<|im_end|>")
    assert len(dropped["excerpt"]) < 100


def test_no_control_token_reaches_training(tmp_path: Path, nt: Nt) -> None:
    """What a tokenizer with all of these tokens makes of a release built from hostile rows."""
    special = sorted({token for text in CONTROL if (token := control_token(text))})
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token=None, byte_fallback=True))
    tokenizer.add_tokens(list(map(chr, range(32, 127))))
    tokenizer.add_special_tokens(special)
    ids = {tokenizer.token_to_id(token) for token in special}
    assert ids & set(tokenizer.encode(f"a {CONTROL[0]}").ids), "this tokenizer parses them"

    path = write(tmp_path / "a.jsonl", [row for _, row, _ in ROWS if row is not BOMB])
    assert nt("import", path, "--pool", tmp_path / "pool")[0] == 0
    kept = open_pool(tmp_path / "pool").num_rows("traces")
    build = ("--pool", tmp_path / "pool", "--out", tmp_path / "nt", "--config", f"random-{kept}")
    assert nt("build", *build)[0] == 0
    for row in load_dataset(str(tmp_path / "nt"), split="train"):
        for message in row["messages"]:
            assert not ids & set(tokenizer.encode(message["content"]).ids), message["content"][:80]
