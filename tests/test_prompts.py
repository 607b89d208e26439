from pathlib import Path

import pytest

from builders.errors import BadOption
from builders.prompts import Prompt, load_prompt


def test_ours() -> None:
    assert load_prompt("plain") == Prompt("plain-1", "{question}")
    asked = load_prompt("think-tags").about("What is {question}?")
    assert asked.startswith("What is {question}?\n")
    assert "<think>" in asked


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("Think in French: {question} {{}}\n")
    prompt = load_prompt(str(path))
    assert prompt.about("2 + 2?") == "Think in French: 2 + 2? {{}}"
    assert prompt.name == "mine"
    assert prompt.hash != load_prompt("plain").hash


@pytest.mark.parametrize("text", [b"no place", b"{question} and {question}", b"\xff{question}"])
def test_a_file_that_is_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "mine.txt").write_bytes(text)
    with pytest.raises(BadOption, match="--prompt"):
        load_prompt(str(tmp_path / "mine.txt"))


def test_neither() -> None:
    with pytest.raises(BadOption, match="neither a text file nor one of plain, think-tags"):
        load_prompt("no/such")
