r"""Make the demo student's base: a small Llama that knows the synthetic language and no thinking.

Real students are pre-trained before they are fine-tuned; so is this one. It reads questions, quotes
their sentences, knows sums, and answers one-step questions. It never sees a trace of reasoning, nor
a question of the families that the benchmark holds back.

    nt import demo --rows 30000 --seed 1000 --pool out/base-pool
    python recipes/demo_student/make_base.py --traces out/base-pool/traces \
        --out out/demo-base

Any Parquet with the columns question, reasoning and answer will do. Of the reasoning it takes
single statements only, each by itself. About 11 minutes on two CPU cores; set
OMP_WAIT_POLICY=PASSIVE if they are shared. Same seed, machine and library versions, same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import time
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

CHAT = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# The thinking tags are ordinary tokens, so that they survive decoding.
SPECIAL = [
    *("<pad>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"),
    *("<think>", "</think>", "<unk>"),
]
STATEMENT = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a Parquet file, or of a folder of them."""
    import pyarrow.parquet

    columns = ["question", "reasoning", "answer"]
    rows: list[dict[str, str]] = pyarrow.parquet.read_table(path, columns=columns).to_pylist()
    return rows


def make_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """A token for every word and for every number: one token to copy, one to look up in a sum."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    pieces = r"<\|?\w+\|?>|</think>| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]|\n+|\s"
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pieces), "isolated")
    tokenizer.decoder = decoders.Fuse()
    trainer = trainers.WordLevelTrainer(special_tokens=SPECIAL, show_progress=False)
    numbers = [f"{n} {n}" for n in range(200)]
    tokenizer.train_from_iterator([*texts, *numbers, "<think>\n</think>\n\n"], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<|end|>",
        unk_token="<unk>",
        padding_side="right",
    )
    fast.chat_template = CHAT
    return fast


def sentences(text: str) -> list[str]:
    """Split a text: ``One. Two?`` to ``One.`` and ``Two?``."""
    return re.split(r"(?<=[.?]) ", text)


Document = list[tuple[str, bool]]  # pieces of text, and whether they can be known


class Language:
    """Documents in the synthetic language, without thinking."""

    def __init__(self, rows: list[dict[str, str]], rng: random.Random) -> None:
        self.rng = rng
        self.questions = [row["question"] for row in rows]
        self.quotes: list[tuple[str, str, str]] = []  # question, a sentence of it, what it computes
        self.short: list[tuple[str, str]] = []  # question of one step, answer
        self.asides: list[str] = []  # sentences that compute nothing
        for row in rows:
            found = 0
            for sentence in sentences(row["reasoning"]):
                clause, colon, sums = sentence.rstrip(".").partition(": ")
                if colon and clause + "." in row["question"]:
                    found += 1
                    if STATEMENT.match(sums):
                        self.quotes.append((row["question"], clause, sums))
                elif not any(letter.isdigit() for letter in sentence) and len(self.asides) < 20000:
                    self.asides.append(sentence)
            if found == 1:
                self.short.append((row["question"], row["answer"]))

    def fact(self) -> str:
        """A sum and its result: ``12 + 4 = 16.``."""
        draw = self.rng.randrange
        sign = self.rng.choice("++++----*/")
        if sign == "+":
            a, b = draw(0, 90), draw(1, 10)
            a, b = (b, a) if draw(8) == 0 else (a, b)
            if draw(6) == 0:
                a, b = draw(1, 50), draw(1, 50)
            return f"{a} + {b} = {a + b}."
        if sign == "-":
            b = draw(1, 10) if draw(6) else draw(1, 50)
            a = draw(b, 100)
            return f"{a} - {b} = {a - b}."
        a, b = draw(2, 10), draw(2, 10)
        if draw(3) == 0:
            a, b = draw(1, 31), 2
        return f"{a} * {b} = {a * b}." if sign == "*" else f"{a * b} / {b} = {a}."

    def facts(self) -> Document:
        """Several sums, of which the results are to be known."""
        pieces = []
        for _ in range(self.rng.randrange(2, 10)):
            left, right = self.fact().split(" = ")
            pieces += [(f" {left} =", False), (f" {right}", True)]
        return pieces

    def copy(self) -> Document:
        """A question, then its sentences quoted in order, with asides in between."""
        rng = self.rng
        question = rng.choice(self.questions)
        aside = rng.choice((0.0, 0.0, 0.2, 0.5))
        pieces = [(f"{question}\n\n", False)]
        for sentence in sentences(question):
            if rng.random() < aside:
                pieces.append((f" {rng.choice(self.asides)}", False))
            pieces.append((f" {sentence}", True))
        return pieces

    def quote(self) -> Document:
        """A question, a number, one sentence of the question quoted, and what it comes to."""
        question, clause, sums = self.rng.choice(self.quotes)
        first = STATEMENT.search(sums)
        number = int(first.group(1)) if first else 0
        if self.rng.random() < 0.6:  # a sum that comes to this number
            other = self.rng.randrange(1, 10)
            if number >= other and self.rng.random() < 0.5:
                before = f" {number - other} + {other} ="
            else:
                before = f" {number + other} - {other} ="
            told = [(before, False), (f" {number}.", True)]
        else:
            before = self.rng.choice((" {}.", " It is {}.", " So {} for now.", " That makes {}."))
            told = [(before.format(number), False)]
        return [(f"{question}\n\n", False), *told, (f" {clause}: {sums}.", True)]

    def answer(self) -> Document:
        """A question of one step and its answer."""
        question, answer = self.rng.choice(self.short)
        return [(f"{question}\n\n", False), (answer, True)]

    def document(self, longest: int) -> Document:
        """A document of at most ``longest`` letters."""
        kinds = (self.facts, self.copy, self.quote, self.answer)
        while True:
            pieces = self.rng.choices(kinds, (20, 25, 40, 15))[0]()
            if sum(len(text) for text, _ in pieces) <= longest:
                return pieces


def batch_of(
    language: Language, tokenizer: PreTrainedTokenizerFast, longest: int, budget: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels of about ``budget`` tokens, one document a row; what is given has no loss.

    Whole documents and no loss on what cannot be known teach a model in some 700,000 tokens to look
    up what was given. Cut into blocks, with a loss on everything, five million did not.
    """
    rows: list[list[tuple[int, int]]] = []  # of each token: its id and its label
    length = 0
    while not rows or length * (len(rows) + 1) <= budget:
        row = []
        for text, known in language.document(longest):
            row += [(one, one if known else -100) for one in tokenizer(text).input_ids]
        rows.append([*row, (tokenizer.eos_token_id, tokenizer.eos_token_id)])
        length = max(length, len(rows[-1]))
    padded = [row + [(tokenizer.pad_token_id, -100)] * (length - len(row)) for row in rows]
    both = torch.tensor(padded)
    return both[..., 0], both[..., 1]


@torch.no_grad()
def probe(model, tokenizer, texts: dict[str, list[Document]]) -> dict[str, float]:
    """For each kind of document, the share of right next tokens where they can be known."""
    shares = {}
    for kind, documents in texts.items():
        right = total = 0
        for pieces in documents:
            row = []
            for text, known in pieces:
                row += [(one, one if known else -100) for one in tokenizer(text).input_ids]
            ids, labels = torch.tensor(row).T
            guess = model(input_ids=ids[None]).logits[0, :-1].argmax(-1)
            right += int((guess == labels[1:]).sum())
            total += int((labels[1:] != -100).sum())
        shares[kind] = right / total
    return shares


def main() -> None:
    """Read, train, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--traces", type=Path, required=True, help="Parquet, or a folder of it")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6500)
    parser.add_argument("--batch-tokens", type=int, default=1200)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = random.Random(options.seed)

    rows = read(options.traces)
    # Each text by itself as well: a word at its beginning has no space before it.
    texts = [" ".join(row.values()) for row in rows] + [t for row in rows for t in row.values()]
    tokenizer = make_tokenizer(texts)
    language = Language(rows, rng)
    print(f"{len(rows)} rows, {len(language.quotes)} quotes, "
          f"{len(language.short)} one-step questions", flush=True)  # fmt: skip

    config = LlamaConfig(
        vocab_size=max(tokenizer.get_vocab().values()) + 1,
        hidden_size=options.width,
        intermediate_size=options.width * 3,
        num_hidden_layers=options.layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = AutoModelForCausalLM.from_config(config)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=options.lr, betas=(0.9, 0.98), fused=True,
    )  # fmt: skip
    kinds = (language.facts, language.copy, language.quote, language.answer)
    probes = {kind.__name__: [kind() for _ in range(40)] for kind in kinds}
    began, losses, tokens = time.time(), [], 0
    for step in range(options.steps):
        falling = min(1.0, (options.steps - step) / (0.3 * options.steps))  # over the last 30%
        rate = options.lr * min(1.0, (step + 1) / 50) * max(falling, 0.02)
        for part in optimizer.param_groups:
            part["lr"] = rate
        # short documents first: what is to be looked up is near, and little is there to confuse it
        grown = min(1.0, step / (0.5 * options.steps))
        ids, labels = batch_of(language, tokenizer, round(230 + 1200 * grown), options.batch_tokens)
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        known = labels[:, 1:] != -100
        loss = torch.nn.functional.cross_entropy(model.lm_head(hidden[known]), labels[:, 1:][known])
        tokens += ids.numel()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            spent = time.time() - began
            print(f"step {step + 1}  loss {sum(losses) / len(losses):.3f}  {spent:.0f} s  "
                  f"{tokens / spent:.0f} tokens/s", flush=True)  # fmt: skip
            losses = []
        if (step + 1) % 1000 == 0:
            told = {kind: f"{share:.1%}" for kind, share in probe(model, tokenizer, probes).items()}
            print(f"  next tokens right: {told}", flush=True)

    model.to(torch.bfloat16).save_pretrained(options.out)
    tokenizer.save_pretrained(options.out)
    weights = (options.out / "model.safetensors").read_bytes()
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(weights)} bytes, "
          f"sha256 {hashlib.sha256(weights).hexdigest()}")  # fmt: skip


if __name__ == "__main__":
    main()
