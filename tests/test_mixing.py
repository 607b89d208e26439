import numpy as np
import pyarrow as pa
import pytest

from builders.configs import parse_config
from builders.ids import content_id
from builders.mixing import INSTRUCTIONS, Mixing, chats, instructed, modes
from builders.traces import split_reply

IDS = [content_id(str(number)) for number in range(4000)]
DISAGREE = [True, False, None, False] * 1000
FACTS = pa.table({"id": IDS, "models_disagree": DISAGREE})


@pytest.mark.parametrize("p", [0.2, 0.4, 0.6])
def test_random_mixing_thinks_with_probability_p(p: float) -> None:
    thinks = modes(Mixing("random", p=p), FACTS, seed=0)
    assert abs(thinks.mean() - p) < 5 * np.sqrt(p * (1 - p) / 4000)


def test_a_larger_share_keeps_the_thinking_rows_of_a_smaller() -> None:
    few, more = (modes(Mixing("random", p=p), FACTS, seed=0) for p in (0.2, 0.6))
    assert (more | ~few).all()


def test_difficulty_mixing_thinks_where_models_disagree() -> None:
    thinks = modes(Mixing("difficulty"), FACTS, seed=0)
    assert thinks.tolist() == [True, False, True, False] * 1000  # unsure: think, our choice
    thinks = modes(Mixing("difficulty", unsure="no_think"), FACTS, seed=0)
    assert thinks.tolist() == [True, False, False, False] * 1000


def test_pure_configs_have_one_mode_and_no_instruction() -> None:
    for name, thinking in (("random-10k", True), ("system1-10k", False)):
        mixing = parse_config(name).mixing
        assert (modes(mixing, FACTS, seed=0) == thinking).all()
        assert not instructed(mixing, IDS, seed=0).any()


def test_instructions_do_not_depend_on_the_mode() -> None:
    mixing = parse_config("mix-p40-10k").mixing
    told = instructed(mixing, IDS, seed=0)
    thinks = modes(mixing, FACTS, seed=0)
    assert abs(told.mean() - 0.5) < 0.04
    assert abs(told[thinks].mean() - told[~thinks].mean()) < 0.08


def test_messages_hold_question_and_reply() -> None:
    rows = pa.table(
        {
            "question": ["7 + 5?"] * 4,
            "reasoning": ["7 + 5 = 12."] * 4,
            "answer": ["12"] * 4,
        }
    )
    thinks, told = np.array([True, True, False, False]), np.array([True, False, True, False])
    made = chats(rows, thinks, told)
    assert made["mode"].to_pylist() == ["think", "think", "no_think", "no_think"]
    think, no_think = INSTRUCTIONS["think"], INSTRUCTIONS["no_think"]
    assert made["instruction"].to_pylist() == [think, None, no_think, None]
    chatted = made["messages"].to_pylist()
    assert [[message["role"] for message in chat] for chat in chatted] == [
        ["user", "assistant"]
    ] * 4
    assert [chat[0]["content"] for chat in chatted] == [
        f"7 + 5?\n\n{think}",
        "7 + 5?",
        f"7 + 5?\n\n{no_think}",
        "7 + 5?",
    ]
    assert chatted[0][1]["content"] == "<think>\n7 + 5 = 12.\n</think>\n\n12"
    assert split_reply(chatted[0][1]["content"]) == ("7 + 5 = 12.", "12")
    assert chatted[2][1]["content"] == "12"
