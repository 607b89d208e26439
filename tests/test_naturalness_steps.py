"""Where steps begin, in characters and in tokens."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from students import TEMPLATES, make_tokenizer
from transformers import PreTrainedTokenizerFast

from builders.errors import BadOption, BadSource
from builders.naturalness.boundaries import read_boundaries
from builders.naturalness.encoding import Steps, encode, prompt_text
from builders.naturalness.splitting import SPLITTERS, paragraphs, sentences
from builders.naturalness.windows import Span, parse_window, spans_of

CASES = Path(__file__).parent / "data" / "sentences.json"


def pieces(text: str, starts: list[int]) -> list[str]:
    return [text[a:b] for a, b in itertools.pairwise([*starts, len(text)])]


def labelled() -> list[tuple[str, str]]:
    cases: dict[str, list[str]] = json.loads(CASES.read_text())
    return [(kind, case) for kind, some in cases.items() for case in some]


@pytest.mark.parametrize(("kind", "case"), labelled())
def test_sentences_of_hard_cases(kind: str, case: str) -> None:
    """The cases stand in tests/data/sentences.json, with a | where a sentence begins."""
    text = case.replace("|", "")
    assert "|".join(pieces(text, sentences(text))) == case


def test_sentences_of_cases_that_the_rules_were_not_made_for() -> None:
    """Four of the 24 are known to be missed; they stay, so that the share means something."""
    cases = json.loads(CASES.with_name("sentences_held_out.json").read_text())
    some = [case for kind in cases.values() for case in kind]
    found = [
        "|".join(pieces(text, sentences(text))) == case
        for case, text in ((case, case.replace("|", "")) for case in some)
    ]
    assert len(some) == 24
    assert sum(found) >= 20


def test_paragraphs() -> None:
    text = "One. Two.\nThree.\n\n\nFour\n \n```\na\n\nb\n```\n\n---\n\nFive"
    assert pieces(text, paragraphs(text)) == [
        "One. Two.\nThree.\n\n\n",
        "Four\n \n",
        "```\na\n\nb\n```\n\n---\n\n",
        "Five",
    ]


@given(st.text(alphabet="aB1 .,!?\n$`\\()[]{}-*é世", max_size=200))
def test_steps_are_pieces_of_the_text(text: str) -> None:
    for split in SPLITTERS.values():
        starts = split(text)
        assert starts[0] == 0
        assert all(a < b < len(text) for a, b in itertools.pairwise(starts))
        if len(starts) > 1:
            assert all(any(c.isalnum() for c in piece) for piece in pieces(text, starts))


@pytest.mark.parametrize("hostile", ["\\[", "\\(", "$$a", "```\n", "\n", ". ", "`", "\\begin{a}"])
def test_hostile_texts_take_no_longer(hostile: str) -> None:
    assert sentences(hostile * 4000)[0] == 0
    assert paragraphs(hostile * 4000)[0] == 0


def test_windows() -> None:
    assert [parse_window("2").before(step) for step in range(5)] == [0, 1, 2, 2, 2]
    assert [parse_window("20%").before(step) for step in (0, 1, 5, 6, 10)] == [0, 1, 1, 2, 2]
    assert [parse_window("100%").before(step) for step in range(3)] == [0, 1, 2]
    # Steps 0 and 1 see everything before them; from step 2 on the first one is left out.
    assert spans_of([0, 5, 7, 8], 9, parse_window("1")) == [
        Span(0, 0, 9),
        Span(5, 7, 8),
        Span(7, 8, 9),
    ]
    assert spans_of([0, 5, 7, 8], 9, parse_window("all")) == [Span(0, 0, 9)]


def test_steps_with_the_same_beginning_are_run_together() -> None:
    """By 20%, steps 1 to 5 see one step, and 6 to 10 see two: 5 and 6 begin with step 4."""
    steps = [10 * n for n in range(8)]
    assert spans_of(steps, 80, parse_window("20%")) == [
        Span(0, 0, 80),
        Span(10, 20, 30),
        Span(20, 30, 40),
        Span(30, 40, 50),
        Span(40, 50, 70),
        Span(50, 70, 80),
    ]


@pytest.mark.parametrize("wrong", ["-1", "101%", "4.5", "", "%", "-20%", "five", "1e3"])
def test_a_window_that_is_none(wrong: str) -> None:
    with pytest.raises(BadOption, match="how many steps before"):
        parse_window(wrong)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer(["What is 7 + 5? <think> We add. So 7 + 5 = 12. </think> It is 12."] * 3)


REASONING = "We add. So 7 + 5 = 12."
ANSWER = "It is 12.  \n\nThe end 世."


def words(tokenizer: PreTrainedTokenizerFast, prompt: str) -> list[str]:
    steps = Steps(sentences(REASONING), sentences(ANSWER))
    found = encode(tokenizer, prompt, REASONING, ANSWER, steps)
    assert tokenizer.decode(found.prompt) == prompt
    edges = [*found.steps.tolist(), len(found.response)]
    assert edges[0] == 0
    return [tokenizer.decode(found.response[a:b]) for a, b in itertools.pairwise(edges)]


def test_tokens_of_steps(tokenizer: PreTrainedTokenizerFast) -> None:
    """Each token is in one step; a blank before a word goes with the word."""
    prompt = prompt_text(tokenizer, "What is 7 + 5?")
    assert prompt.endswith("<|im_start|>assistant\n")
    found = words(tokenizer, prompt)
    assert "".join(found) == f"<think>\n{REASONING}\n</think>\n\n{ANSWER}"
    assert [one.strip() for one in found] == [
        "<think>\nWe add.",
        "So 7 + 5 = 12.\n</think>",
        "It is 12.",
        "The end 世.",
    ]


def test_offsets_that_leave_out_blanks_give_the_same_steps() -> None:
    """GPT-2 and SmolLM2 count the blank before a word to no token, Qwen2 does."""
    from tokenizers import processors

    texts = ["We add. So 7 + 5 = 12. It is 12."] * 3
    plain, trimming = make_tokenizer(texts), make_tokenizer(texts)
    trimming.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    assert words(plain, "Q\n") == words(trimming, "Q\n")


def test_a_template_that_opens_the_thinking(tokenizer: PreTrainedTokenizerFast) -> None:
    opening = make_tokenizer(["What is 7 + 5?"])
    opening.chat_template = TEMPLATES["opens"]
    prompt = prompt_text(opening, "What is 7 + 5?")
    assert prompt.endswith("assistant\n<think>\n")
    assert "".join(words(opening, prompt)) == f"{REASONING}\n</think>\n\n{ANSWER}"


def test_a_template_with_a_date_gives_the_same_prompt_every_day() -> None:
    dated = make_tokenizer(["What is 7 + 5?"])
    dated.chat_template = TEMPLATES["dated"]
    assert prompt_text(dated, "What?").startswith("26 Jul 2024\n")


def test_empty_reasoning(tokenizer: PreTrainedTokenizerFast) -> None:
    found = encode(tokenizer, "Q", "", "One. Two.", Steps([0], [0, 5]))
    edges = [*found.steps.tolist(), len(found.response)]
    steps = [tokenizer.decode(found.response[a:b]) for a, b in itertools.pairwise(edges)]
    assert [one.strip() for one in steps] == ["<think>\n\n</think>\n\nOne.", "Two."]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_boundaries_of_a_file(tmp_path: Path) -> None:
    path = write(
        tmp_path / "steps.jsonl", {"id": "a", "reasoning": [0, 8]}, {"id": "b", "answer": [0]}
    )
    found = read_boundaries(path)
    assert found.steps("a", REASONING, ANSWER) == Steps([0, 8], [0])
    assert found.steps("b", REASONING, ANSWER) == Steps([0], [0])
    with pytest.raises(BadSource, match="no boundaries for the trace c"):
        found.steps("c", REASONING, ANSWER)
    with pytest.raises(BadSource, match="reasoning has 6 characters, a step cannot begin at 8"):
        found.steps("a", "We add", ANSWER)


@pytest.mark.parametrize(
    "wrong", [[5, 3], [1, 3], [0, 0], [0, -1], [0, 2.5], "0,5", {"a": 0}, [True]]
)
def test_boundaries_that_are_none(tmp_path: Path, wrong: object) -> None:
    path = write(tmp_path / "steps.jsonl", {"id": "a", "reasoning": wrong})
    with pytest.raises(BadSource, match=r"steps\.jsonl, row 1: reasoning: .* is no list"):
        read_boundaries(path)
    with pytest.raises(BadSource, match="no object with the 'id'"):
        read_boundaries(write(path, {"reasoning": [0]}))
    with pytest.raises(BadSource, match="neither 'reasoning' nor 'answer'"):
        read_boundaries(write(path, {"id": "a", "steps": [0]}))
