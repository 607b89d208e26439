import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from builders.traces import ThinkNotClosed, join_reply, split_reply


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>\n2 + 2 = 4.\n</think>\n\nIt is 4.", "2 + 2 = 4.", "It is 4."),
        ("2 + 2 = 4.\n</think>\nIt is 4.", "2 + 2 = 4.", "It is 4."),  # opening tag missing
        ("<think>\n\n</think>\n\nIt is 4.", "", "It is 4."),
        ("<think></think>", "", ""),
        ("It is 4.", "", "It is 4."),
        ("", "", ""),
        ("<think>a</think>b<think>c</think>d", "a\n\nb\n\nc", "d"),
        ("<think>one<think>two</think>d", "one\n\ntwo", "d"),
        ("<think>x</think>y</think>z", "x\n\ny", "z"),
        ("<think>End with `</think>`.</think>ok", "End with `</think>`.", "ok"),
        ("<think>a</think>Write `<think>` first.", "a", "Write `<think>` first."),
        (
            "<think>\nSo:\n```\n<think>\nhm\n</think>\n```\nDone.\n</think>\nyes",
            "So:\n```\n<think>\nhm\n</think>\n```\nDone.",
            "yes",
        ),
        # A block that the reasoning never closes must not swallow the closing tag.
        (
            "<think>\n```python\nx = 1\n</think>\n\n```python\nx = 2\n```",
            "```python\nx = 1",
            "```python\nx = 2\n```",
        ),
    ],
)
def test_split_reply(text: str, reasoning: str, answer: str) -> None:
    assert split_reply(text) == (reasoning, answer)


@pytest.mark.parametrize(
    "text",
    [
        "<think>\n2 + 2",
        "<think>a</think>b<think>c",
        "<think>\nI write `</think>` in the en",
        "<think>\n```\n</think>\n```\nand so",
    ],
)
def test_thinking_that_never_ends_is_incomplete(text: str) -> None:
    with pytest.raises(ThinkNotClosed):
        split_reply(text)


def _odd_code_blocks(text: str) -> bool:
    return ("```" in text) or ("~~~" in text)


@given(st.text(), st.text())
def test_split_is_the_inverse_of_join(reasoning: str, answer: str) -> None:
    assume("think>" not in reasoning + answer)
    # Blocks left open on both sides are the one case that cannot be told from a quoted tag.
    assume(not (_odd_code_blocks(reasoning) and _odd_code_blocks(answer)))
    assert split_reply(join_reply(reasoning, answer)) == (reasoning.strip(), answer.strip())


_PIECES = st.sampled_from(["<think>", "</think>", "`", "```\n", "\n", "a", " "])


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_nothing_but_tags_and_white_space_is_lost(text: str) -> None:
    try:
        reply = split_reply(text)
    except ThinkNotClosed:
        return

    def letters(text: str) -> str:
        return "".join(text.replace("</think>", "").replace("<think>", "").split())

    assert letters(reply.reasoning + reply.answer) == letters(text)
