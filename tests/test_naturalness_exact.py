"""The scores against the plain way to compute them: one forward pass for each step."""

import itertools
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    PreTrainedConfig,
    Qwen2Config,
)

from builders.naturalness.forward import Tokens, Wanted, log_probabilities
from builders.naturalness.windows import Window, given_windows, parse_window, spans_of

VOCABULARY = 97
FAMILIES: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
    ),
    "qwen2": Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=1,
        max_position_embeddings=2048,
    ),
    "gpt2": GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=3, n_head=4, n_positions=2048, bos_token_id=0,
        eos_token_id=0,
    ),
}  # fmt: skip


@cache
def tiny(family: str) -> Any:
    """A random model whose predictions depend strongly on what it sees."""
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(FAMILIES[family]).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8)
    return model


@torch.inference_mode()
def naive(
    model: Any, prompt: Tokens, response: Tokens, steps: Sequence[int], window: Window
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The whole response, and each step behind the prompt and its window, a pass each."""

    def run(start: int, scored: int, end: int) -> np.ndarray:
        ids = torch.from_numpy(np.concatenate([prompt, response[start:end]]))[None]
        logits = model(input_ids=ids).logits[0]
        found = torch.log_softmax(logits.double(), -1)
        rows = np.arange(scored, end) - start + len(prompt) - 1
        return found[rows, response[scored:end]].numpy()

    edges = [*steps, len(response)]
    of_steps = [
        run(steps[number - window.before(number)], start, end)
        for number, (start, end) in enumerate(itertools.pairwise(edges))
    ]
    return run(0, 0, len(response)), of_steps


def scored(
    model: Any,
    prompt: Tokens,
    response: Tokens,
    steps: Sequence[int],
    window: Window,
    batch_tokens: int = 256,
) -> tuple[np.ndarray, list[np.ndarray]]:
    spans = spans_of(steps, len(response), window)
    wanted = [Wanted(response, span) for span in spans]
    found = log_probabilities(model, prompt, wanted, batch_tokens=batch_tokens)
    return found[0], np.split(given_windows(spans, found), steps[1:])


def made_up(
    seed: int, prompt: int, lengths: Sequence[int], vocabulary: int = VOCABULARY
) -> tuple[Tokens, Tokens, list[int]]:
    rng = np.random.default_rng(seed)
    steps = [0, *np.cumsum(lengths)[:-1].tolist()]
    response = rng.integers(0, vocabulary, sum(lengths))
    return rng.integers(0, vocabulary, prompt), response, steps


def assert_equal(found: tuple[Any, list[Any]], wanted: tuple[Any, list[Any]]) -> None:
    assert len(found[1]) == len(wanted[1])
    for one, other in zip([found[0], *found[1]], [wanted[0], *wanted[1]], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4, rtol=0)


SHAPES = {
    "a prompt of one token": (1, [3, 1, 4, 1, 5, 9, 2, 6]),
    "a long prompt": (300, [5, 3, 8, 2, 7, 1, 12]),
    "one giant step": (20, [700]),
    "one token": (3, [1]),
    "two hundred steps": (12, [1 + n % 4 for n in range(200)]),
    "a giant among short ones": (7, [2, 1, 400, 3, 1, 1, 5, 2]),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("window", ["0", "4", "20%"])
def test_equal_to_one_pass_for_each_step(family: str, shape: str, window: str) -> None:
    prompt, response, steps = made_up(len(shape), *SHAPES[shape])
    seen = parse_window(window)
    model = tiny(family)
    wanted = naive(model, prompt, response, steps, seen)
    assert_equal(scored(model, prompt, response, steps, seen), wanted)


@pytest.mark.parametrize("window", ["1", "all"])
def test_the_narrowest_and_the_widest_window(window: str) -> None:
    prompt, response, steps = made_up(4, 30, [3, 7, 1, 5, 2])
    seen = parse_window(window)
    wanted = naive(tiny("llama"), prompt, response, steps, seen)
    assert_equal(scored(tiny("llama"), prompt, response, steps, seen), wanted)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("batch_tokens", [1, 7, 64, 10_000])
def test_the_size_of_a_batch_does_not_matter(family: str, batch_tokens: int) -> None:
    prompt, response, steps = made_up(3, 11, [4, 1, 1, 9, 2, 30, 3, 5])
    seen = parse_window("2")
    wanted = naive(tiny(family), prompt, response, steps, seen)
    assert_equal(scored(tiny(family), prompt, response, steps, seen, batch_tokens), wanted)


@pytest.mark.parametrize("family", FAMILIES)
def test_responses_of_one_question_share_batches(family: str) -> None:
    prompt, first, first_steps = made_up(1, 9, [4, 5, 6, 7])
    _, second, second_steps = made_up(2, 9, [3, 1, 2, 8, 1, 4])
    seen = parse_window("1")
    wanted = [
        Wanted(response, span)
        for response, steps in ((first, first_steps), (second, second_steps))
        for span in spans_of(steps, len(response), seen)
    ]
    found = log_probabilities(tiny(family), prompt, wanted, batch_tokens=1000)
    alone = [
        log_probabilities(tiny(family), prompt, [one], batch_tokens=1000)[0] for one in wanted
    ]  # fmt: skip
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4, rtol=0)


def test_what_a_window_leaves_out_matters() -> None:
    """If it did not, the tests above could not fail."""
    prompt, response, steps = made_up(5, 10, [6, 6, 6, 6, 6])
    whole, narrow = naive(tiny("llama"), prompt, response, steps, parse_window("1"))
    assert np.abs(narrow[-1] - whole[-6:]).max() > 0.1
    # Nothing is left of it: the same tokens as a response of their own.
    _, moved = naive(tiny("llama"), prompt, response[18:], [0, 6], parse_window("1"))
    np.testing.assert_allclose(narrow[-1], moved[-1], atol=1e-6)


@pytest.mark.slow
def test_equal_on_a_real_student() -> None:
    """SmolLM2-135M, from the folder that NT_SMOLLM2 names."""
    folder = Path(os.environ.get("NT_SMOLLM2", "smollm2-is-not-here"))
    if not folder.is_dir():
        pytest.skip("NT_SMOLLM2 names no folder with SmolLM2-135M-Instruct")
    from builders.naturalness.encoding import Steps as Found
    from builders.naturalness.encoding import encode, prompt_text
    from builders.naturalness.splitting import sentences
    from builders.naturalness.student import load_student

    student = load_student(str(folder), device="cpu")
    prompt = prompt_text(student.tokenizer, "Natalia sold 48 clips in April, half as many in May?")
    reasoning = " ".join(
        f"In month {n} she sold {n} * 2 = {2 * n} clips. So there are {n + 48} now!"
        for n in range(8)
    )
    answer = "She sold 48/2 = 24 clips in June. Altogether that is 72."
    steps = Found(sentences(reasoning), sentences(answer))
    encoded = encode(student.tokenizer, prompt, reasoning, answer, steps)
    assert len(encoded.steps) == 18
    for window in ("4", "20%"):
        found = (student.model, *encoded[:2], encoded.steps.tolist(), parse_window(window))
        assert_equal(scored(*found), naive(*found))
