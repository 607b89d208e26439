"""The demo student's base: what is committed is what was recorded, and it can read the pool."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest

from builders.mixing import INSTRUCTIONS
from builders.sources.demo import benchmark, generate
from builders.traces import join_reply

ROOT = Path(__file__).parents[1]
BASE = ROOT / "recipes/demo_student/base"

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(BASE)


def test_the_base_is_the_recorded_one_and_small() -> None:
    weights = (BASE / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() in (ROOT / "docs/demo.md").read_text()
    assert sum(file.stat().st_size for file in BASE.iterdir()) <= 5_000_000


def test_the_base_loads_and_knows_sums(tokenizer) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    assert 1e6 <= model.num_parameters() <= 2e6
    sums = [(a, b, a + b) for a in range(30, 60, 5) for b in range(1, 10)]
    ids = torch.tensor([tokenizer(f" {a} + {b} =").input_ids for a, b, _ in sums])
    with torch.no_grad():
        said = model(input_ids=ids).logits[:, -1].argmax(-1)
    right = sum(tokenizer.decode(one) == f" {c}" for one, (_, _, c) in zip(said, sums, strict=True))
    assert right >= 0.8 * len(sums)


def test_the_chat_template_keeps_inline_thinking(tokenizer) -> None:
    (row,) = generate(1, seed=3)
    reply = join_reply(row.reasoning, row.answer)
    chat = [{"role": "user", "content": row.question}, {"role": "assistant", "content": reply}]
    text = tokenizer.apply_chat_template(chat, tokenize=False)
    assert text == f"<|user|>{row.question}<|end|><|assistant|>{reply}<|end|>"
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    prompt = tokenizer.apply_chat_template(chat[:1], tokenize=False, add_generation_prompt=True)
    assert text.startswith(prompt)
    assert text.removeprefix(prompt) == f"{reply}<|end|>"


def test_no_word_of_the_pool_is_unknown(tokenizer) -> None:
    texts = [said for said in INSTRUCTIONS.values() if isinstance(said, str)]
    for row in itertools.chain(generate(3000, seed=3), benchmark("like", 300)):
        instructed = f"{row.question}\n\n{INSTRUCTIONS['think']}"
        direct = f"{row.question}\n\n{INSTRUCTIONS['no_think']}"
        texts += [instructed, direct, join_reply(row.reasoning, row.answer), row.answer]
    unknown = {text for text in texts if tokenizer.unk_token_id in tokenizer(text).input_ids}
    placement = INSTRUCTIONS["placement"]  # for people, no student reads it
    assert unknown - {placement} == set()
