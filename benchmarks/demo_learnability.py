"""Whether a student of a million parameters learns from the synthetic pool on a CPU in minutes.

Trains the demo student on a System-1/System-2 mix of the pool, from its base or from scratch, and
prints its accuracy on held-out problems: split x steps x mode, with 95% intervals (Wilson).

    python benchmarks/demo_learnability.py
    python benchmarks/demo_learnability.py --seed 1 --scratch

Training is a plain torch loop, the loss on the reply only, over a stated number of tokens, so that
a busy machine makes it slower but not worse. Decoding is greedy. On a busy machine set
OMP_WAIT_POLICY=PASSIVE, or torch's threads wait for each other. Needs the extra "train".
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from builders.mixing import INSTRUCTIONS
from builders.sources.demo import FAMILIES, SPLITS, DemoRow, benchmark, generate

THINK, DIRECT = INSTRUCTIONS["think"], INSTRUCTIONS["no_think"]
BANDS = ((1, 1), (2, 2), (3, 5), (6, 99))
BASE = Path(__file__).parents[1] / "recipes/demo_student/base"


def training_pair(row: DemoRow, rng: random.Random, think_share: float) -> tuple[str, str]:
    """What the user says and what the student is to reply."""
    think = rng.random() < think_share
    reply = f"<think>\n{row.reasoning}\n</think>\n\n{row.answer}" if think else row.answer
    said = f"{row.question}\n\n{THINK if think else DIRECT}" if rng.random() < 0.5 else row.question
    return said, reply


def prompt_text(said: str) -> str:
    """What the chat template makes of one user turn."""
    return f"<|user|>{said}<|end|><|assistant|>"


Pair = tuple[list[int], list[int]]  # tokens of the prompt and of the reply


def batches(pairs: list[Pair], budget: int, rng: random.Random) -> Iterator[list[Pair]]:
    """Batches of about ``budget`` tokens, of rows of similar length; endlessly."""
    while True:
        order = sorted(
            range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]) + 8 * rng.random()
        )
        groups, group, longest = [], [], 0
        for index in order:
            longest = max(longest, len(pairs[index][0]) + len(pairs[index][1]))
            if group and longest * (len(group) + 1) > budget:
                groups.append(group)
                group, longest = [], len(pairs[index][0]) + len(pairs[index][1])
            group.append(index)
        groups.append(group)
        rng.shuffle(groups)
        yield from ([pairs[i] for i in group] for group in groups)


def collate(group: list[Pair], on_everything: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels, padded on the right."""
    length = max(len(prompt) + len(reply) for prompt, reply in group)
    ids = torch.zeros(len(group), length, dtype=torch.long)
    labels = torch.full((len(group), length), -100)
    for row, (prompt, reply) in enumerate(group):
        full = torch.tensor(prompt + reply)
        ids[row, : len(full)] = full
        start = 0 if on_everything else len(prompt)
        labels[row, start : len(full)] = full[start:]
    return ids, labels


def loss_of(model, ids, labels):
    """Cross-entropy on the labelled positions only; right padding needs no mask under causality."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    target = labels[:, 1:]
    keep = target != -100
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[:, :-1][keep]), target[keep])


def train(model, stream, *, budget, lr, on_everything=False, log=30.0):
    """Train until the tokens are used up; the rate warms up, and falls with what is left."""
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}],
        lr=lr, betas=(0.9, 0.98), fused=True,
    )  # fmt: skip
    model.train()
    began = last = time.time()
    tokens, steps, losses = 0, 0, []
    for group in stream:
        gone = tokens / budget
        if gone >= 1:
            break
        falling = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * gone))
        rate = lr * min(1.0, (steps + 1) / 50) * falling
        for part in optimizer.param_groups:
            part["lr"] = rate
        ids, labels = collate(group, on_everything)
        loss = loss_of(model, ids, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        tokens += sum(len(a) + len(b) for a, b in group)
        steps += 1
        if time.time() - last > log:
            last = time.time()
            print(f"  {last - began:4.0f} s  step {steps}  loss {sum(losses) / len(losses):.3f}  "
                  f"{tokens / (last - began):.0f} tokens/s", flush=True)  # fmt: skip
            losses = []
    spent = time.time() - began
    rate = round(tokens / spent)
    return {"seconds": round(spent), "steps": steps, "tokens": tokens, "tokens_s": rate}


@torch.no_grad()
def replies(model, tokenizer, said: list[str], most: int, size: int = 128) -> list[tuple[str, int]]:
    """Greedy replies and their lengths in tokens."""
    model.eval()
    order = sorted(range(len(said)), key=lambda i: len(said[i]))
    out: dict[int, tuple[str, int]] = {}
    for start in range(0, len(order), size):
        part = order[start : start + size]
        inputs = tokenizer([prompt_text(said[i]) for i in part], return_tensors="pt", padding=True)
        inputs.pop("token_type_ids", None)
        made = model.generate(
            **inputs, max_new_tokens=most, do_sample=False,
            pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        )[:, inputs["input_ids"].shape[1] :]  # fmt: skip
        for i, ids in zip(part, made, strict=True):
            kept = ids[(ids != tokenizer.pad_token_id) & (ids != tokenizer.eos_token_id)]
            out[i] = (tokenizer.decode(kept), len(kept))
    return [out[i] for i in range(len(said))]


def final_answer(reply: str) -> str | None:
    """What the reply says after its thinking: ``The answer is 42.`` to ``42``."""
    found = re.search(r"The answer is (\w+)\.", reply.split("</think>")[-1])
    return found.group(1) if found else None


def interval(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95% interval of a share."""
    z, share = 1.96, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def evaluate(model, tokenizer, per_cell: int, most: int) -> list[dict]:
    """Accuracy, obeyed mode and length for each split, band of steps and mode."""
    table = []
    for split in SPLITS:
        cells: dict[tuple[int, int], list[DemoRow]] = {band: [] for band in BANDS}
        for row in benchmark(split, 1000):
            band = next(band for band in BANDS if band[0] <= row.steps <= band[1])
            if len(cells[band]) < per_cell:
                cells[band].append(row)
        for (low, high), rows in cells.items():
            if not rows:
                continue
            told = f"{low}" if low == high else f"{low}-{high}" if high < 99 else f"{low}+"
            for mode, instruction in (("think", THINK), ("no_think", DIRECT)):
                said = [f"{row.question}\n\n{instruction}" for row in rows]
                made = replies(model, tokenizer, said, most)
                right = [
                    final_answer(text) == row.reference_answer
                    for (text, _), row in zip(made, rows, strict=True)
                ]
                obeyed = [text.startswith("<think>") == (mode == "think") for text, _ in made]
                families = {}
                for row, good in zip(rows, right, strict=True):
                    hits = families.setdefault(FAMILIES[row.family].name, [0, 0])
                    hits[0] += good
                    hits[1] += 1
                cell = {
                    "split": split,
                    "steps": told,
                    "mode": mode,
                    "n": len(rows),
                    "accuracy": sum(right) / len(rows),
                    "obeyed": sum(obeyed) / len(rows),
                    "tokens": sum(count for _, count in made) / len(rows),
                    "families": families,
                    "replies": [text for text, _ in made[:10]],
                }
                table.append(cell)
                least, greatest = interval(sum(right), len(rows))
                print(
                    f"| {split} | {cell['steps']} | {mode} | {cell['accuracy']:.1%} "
                    f"| {least:.0%} to {greatest:.0%} | {len(rows)} "
                    f"| {cell['obeyed']:.0%} | {cell['tokens']:.0f} |",
                    flush=True,
                )
    return table


def main() -> None:
    """Train, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tokens", type=float, default=1e6, help="tokens to train on")
    parser.add_argument("--base", type=Path, default=BASE, help="what make_base.py made")
    parser.add_argument("--scratch", action="store_true", help="forget the base's weights")
    parser.add_argument("--rows", type=int, default=20000, help="rows of the pool to train on")
    parser.add_argument("--most-verbosity", type=int, default=10, help="leave out wordier rows")
    parser.add_argument("--most-strategies", type=int, default=10, help="leave out richer rows")
    parser.add_argument("--think-share", type=float, default=0.6)
    parser.add_argument("--longest", type=int, default=640, help="leave out longer rows, in tokens")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--batch-tokens", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-cell", type=int, default=150)
    parser.add_argument("--on-everything", action="store_true", help="loss on the question, too")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = random.Random(options.seed)

    rows = [
        row
        for row in generate(options.rows, seed=options.seed)
        if row.verbosity <= options.most_verbosity
        and len(row.strategies) <= options.most_strategies
    ]
    pairs = [training_pair(row, rng, options.think_share) for row in rows]
    tokenizer = AutoTokenizer.from_pretrained(options.base, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32)
    if options.scratch:
        model = AutoModelForCausalLM.from_config(model.config, dtype=torch.float32)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    ids = [
        (tokenizer(prompt_text(said)).input_ids, tokenizer(reply + "<|end|>").input_ids)
        for said, reply in pairs
    ]
    short = [(a, b) for a, b in ids if len(a) + len(b) <= options.longest]
    size = sum(p.numel() for p in model.parameters()) / 1e6
    mean = sum(len(a) + len(b) for a, b in short) / len(short)
    print(f"{size:.2f}M parameters, vocabulary {len(tokenizer)}, {len(short)} of {len(ids)} rows,")
    print(f"{mean:.0f} tokens a row", flush=True)
    told = train(
        model, batches(short, options.batch_tokens, rng), budget=options.tokens, lr=options.lr,
        on_everything=options.on_everything,
    )  # fmt: skip
    print(json.dumps(told))
    if options.save:
        model.save_pretrained(options.save)
        tokenizer.save_pretrained(options.save)
    print("| split | steps | mode | accuracy | 95% | n | obeyed | tokens |\n" + "|---" * 8 + "|")
    began = time.time()
    table = evaluate(model, tokenizer, options.per_cell, 640)
    print(f"evaluated in {time.time() - began:.0f} s")
    if options.save:
        (options.save / "table.json").write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
