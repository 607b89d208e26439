"""Replies in the forms that models use, labelled by hand, and what the scorer says of them."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from letters import final_letter
from scoring import score, take_apart

SETS = sorted((Path(__file__).parent / "data").glob("labelled_replies*.jsonl"))
# Ours was read while the scorer was written; the frozen one was not.
FLOORS = {"labelled_replies": 0.98, "labelled_replies_frozen": 0.9}
pytestmark = pytest.mark.filterwarnings("default")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def agrees(reply: dict[str, Any]) -> bool:
    told = score(reply["kind"], reply["reply"], reply["reference"], options=reply["options"])
    return told.correct == reply["correct"]


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.stem)
def test_the_scorer_agrees_with_people(path: Path) -> None:
    replies = read(path)
    wrong = [reply for reply in replies if not agrees(reply)]
    forms = Counter(f"{reply['kind']} {reply['form']}" for reply in wrong)
    assert len(wrong) <= (1 - FLOORS[path.stem]) * len(replies), forms
    assert {reply["correct"] for reply in replies} == {True, False}


def test_a_reply_that_was_cut_is_wrong() -> None:
    assert score("math", "The answer is 12.", "12").correct
    assert not score("math", "The answer is 12.", "12", truncated=True).correct


def test_thinking_and_answer() -> None:
    assert take_apart("<think>\na\n</think>\n\nb") == ("\na\n", "\n\nb", True)
    assert take_apart("a\n</think>\nb") == ("a\n", "\nb", True)  # the template opened it
    assert take_apart("<think>\na") == ("\na", "", False)
    assert take_apart("b") == (None, "b", True)


@pytest.mark.parametrize("letter", "BCDEFGHIJ")
def test_every_letter_in_every_place(letter: str) -> None:
    for form in ("{}", "({})", "**{}**", "Answer: {}", "The answer is {}.", "\\boxed{{{}}}"):
        assert final_letter(form.format(letter), 10) == letter
        assert final_letter(form.format(letter), ord(letter) - ord("A")) is None


def test_a_reply_that_repeats_itself_is_scored_in_no_time() -> None:
    for text in ("A B C D " * 10000, "the answer is " + "therefore thus the option " * 4000):
        assert final_letter_of(text) in (None, "A", "B", "C", "D")


def final_letter_of(text: str) -> str | None:
    return score("letter", text, "C", options=4).extracted
