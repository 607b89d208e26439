r"""Make the demo student's base: a small Llama that knows the synthetic language and no thinking.

Real students are pre-trained before they are fine-tuned; so is this one. It reads questions, quotes
their sentences, knows sums, and answers short questions. It never sees a trace of reasoning, nor
a question of the families that the benchmark holds back.

    nt import demo --rows 400000 --seed 1000 --pool out/base-pool
    python recipes/demo_student/make_base.py --traces out/base-pool/traces --out out/demo-base

Any Parquet with the columns question, reasoning and answer will do. Of the reasoning it takes
single sentences only: what one clause of a question comes to after a sum that is made up, how a
result is said, and comments without numbers. Some two hours on one CPU core. Same machine, threads
and library versions, same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

CHAT = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = [
    *("<pad>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"),
    *("<think>", "</think>", "<unk>"),
]
ORDINARY = ("<think>", "</think>")  # of these: servers drop special tokens from a reply


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
    state = json.loads(tokenizer.to_str())
    for token in state["added_tokens"]:
        token["special"] = token["content"] not in ORDINARY
    tokenizer = Tokenizer.from_str(json.dumps(state))
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


# In what a step states, the number that comes from the step before.
CARRIED = [
    re.compile(pattern)
    for pattern in (r"of (\d+) and", r"so (?:still )?(\d+)", r"\d \* .*, (\d+) \+", r"(\d+)")
]


class Stage(NamedTuple):
    """A part of the training, with optimizers of its own."""

    steps: int
    shares: tuple[int, ...]  # of facts, repeats, copies, steps, answers, conclusions
    answers_weigh: int  # the number in an answer is one token among a hundred, and hard to know
    rates: tuple[float, float] = (0.02, 0.003)  # of Muon and of AdamW
    first: bool = False  # the rates stay as they are, and documents grow; else they fall to nothing


STAGES = (
    Stage(6000, (22, 2, 20, 34, 22, 0), answers_weigh=2, first=True),
    Stage(2200, (16, 0, 30, 34, 20, 0), answers_weigh=2),
    Stage(2400, (8, 0, 24, 34, 10, 24), answers_weigh=1),
    # An answer at once has to find two numbers and add them in one pass. Among other documents that
    # was never learned; alone it is, at the price of the rest, which the last stage brings back.
    Stage(1500, (0, 0, 0, 0, 100, 0), answers_weigh=1, rates=(0.01, 0.002)),
    Stage(3000, (4, 0, 10, 14, 62, 10), answers_weigh=1, rates=(0.01, 0.002)),
)
REPEATS = (0, 100, 0, 0, 0, 0)  # shares of the first steps: nothing but looking up a word
REPEATING, GROWING = 250, 5500  # how many steps have these, and how long documents grow
BATCH_TOKENS = 2000

Document = list[tuple[str, int]]  # pieces of text, and their weight: 0 for what cannot be known


# What a mix tells its student (builders/mixing.py); a test holds the two together.
THINK = "Think carefully before you answer."
DIRECT = "Answer directly, without thinking first."


class Language:
    """Documents in the synthetic language, without thinking."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rng = random.Random()
        self.answers_weigh = 1
        self.questions = [row["question"] for row in rows]
        # a question, and sentences of it with their statements
        self.steps: list[tuple[str, list[tuple[str, str]]]] = []
        self.short: list[tuple[str, str]] = []  # question of one or two steps, answer
        self.asides: list[str] = []  # sentences that state nothing
        self.ends: list[str] = []  # "So the answer is"
        self.kinds = (self.facts, self.repeat, self.copy, self.step, self.answer, self.conclude)
        for row in rows:
            found = []
            for sentence in sentences(row["reasoning"]):
                clause, colon, stated = sentence.rstrip(".").partition(": ")
                if colon and clause + "." in row["question"]:
                    found.append((clause, stated))
                elif not re.search(r"\d", sentence) and sentence not in row["question"]:
                    self.asides.append(sentence)
            start, _, result = sentence.rstrip(".").rpartition(" ")
            if row["answer"] == f"The answer is {result}." and 0 < len(start) < 30:
                self.ends.append(start)
            if len(found) > 1:  # of a question of one step, this would be the whole trace
                self.steps.append((row["question"], found))
            if 1 <= len(found) <= 2:
                self.short += [(row["question"], row["answer"])] * (4 if len(found) == 1 else 1)

    def fact(self) -> str:
        """A sum and its result: ``12 + 4 = 16.``."""
        draw = self.rng.randrange
        sign = self.rng.choice("++++----*/")
        if sign == "+":
            a, b = draw(0, 90), draw(1, 20 if draw(3) == 0 else 10)
            a, b = (b, a) if draw(8) == 0 else (a, b)
            if draw(10) == 0:
                a, b = draw(1, 50), draw(1, 50)
            return f"{a} + {b} = {a + b}."
        if sign == "-":
            b = draw(1, 20 if draw(3) == 0 else 10) if draw(6) else draw(1, 50)
            a = draw(b, 100)
            return f"{a} - {b} = {a - b}."
        a, b = draw(2, 10), draw(2, 10)
        if draw(3) == 0:
            a, b = draw(1, 31), 2
        return f"{a} * {b} = {a * b}." if sign == "*" else f"{a * b} / {b} = {a}."

    def facts(self) -> Document:
        """Several sums, of which the results are to be known."""
        pieces = []
        for _ in range(self.rng.randrange(8, 25)):
            left, right = self.fact().split(" = ")
            pieces += [(f" {left} =", 0), (f" {right}", 1)]
        return pieces

    def repeat(self) -> Document:
        """Words and numbers at random, then the same again.

        Nothing teaches a small model to look up faster: there is no other way to know these words.
        """
        words = [*self.some_words(), *(self.number() for _ in range(40))]
        few = self.rng.sample(words, self.rng.choice((12, 40)))
        told = self.rng.choices(few, k=self.rng.randrange(8, 40))
        text = "".join(f" {word}" for word in told)
        return [(f"{text} =", 0), (text, 1)]

    def some_words(self) -> list[str]:
        """Distinct words of a few questions."""
        text = " ".join(self.rng.choice(self.questions) for _ in range(3))
        return sorted({word for word in re.findall(r"\w+", text) if not word.isdigit()})

    def number(self) -> str:
        """A number of at most two digits."""
        return str(self.rng.randrange(100))

    def asked(self, question: str, instruction: str) -> str:
        """A question as a chat shows it, with an instruction or without."""
        said = f"{question}\n\n{instruction}" if self.rng.random() < 0.5 else question
        return f"<|user|>{said}<|end|><|assistant|>"

    def copy(self) -> Document:
        """A question, then its sentences quoted in order, with comments and sums in between."""
        rng = self.rng
        question = rng.choice(self.questions)
        between = rng.choice((0.0, 0.3, 1.0))
        pieces = [(self.asked(question, THINK) + "\n", 0)]
        for sentence in sentences(question):
            if rng.random() < between / 2:
                pieces.append((f" {rng.choice(self.asides)}", 1))
            pieces.append((f" {sentence}", 1))
            if rng.random() < between / 2:
                pieces.append((f" {self.fact()}", 0))
        pieces[1] = (pieces[1][0].lstrip(), pieces[1][1])
        return pieces

    def step(self) -> Document:
        """A question, and some of its sentences with what they state, each after the one before.

        The sums before them are made up and not all steps are told, so no step tells of another.
        """
        rng = self.rng
        question, steps = rng.choice(self.steps)
        told = sentences(question)
        pieces = [(self.asked(question, THINK) + "\n", 0)]
        pieces += [(f" {rng.choice(self.asides)}", 0) for _ in range(rng.choice((0, 0, 1, 3)))]
        chosen = rng.sample(range(len(steps)), min(len(steps), rng.randrange(2, 8)))
        for number in sorted(chosen) if rng.random() < 0.5 else chosen:
            clause, stated = steps[number]
            at = told.index(clause + ".")
            before = f" {told[at - 1]}" if at else ""
            found = next((m for pattern in CARRIED if (m := pattern.search(stated))), None)
            if found and re.search(rf"\b{found[1]}\b", before):
                pass  # the sentence before gives the number
            elif found:
                number, other = int(found[1]), rng.randrange(1, 10)
                if number >= other and rng.random() < 0.5:
                    before += f" {number - other} + {other} = {number}."
                else:
                    before += f" {number + other} - {other} = {number}."
            else:
                before += f" {stated.split()[0]}."
            pieces += [(before, 0), (f" {clause}: {stated}.", 1)]
        return pieces

    def answer(self) -> Document:
        """A question of one or two steps and its answer."""
        question, answer = self.rng.choice(self.short)
        return [(self.asked(question, DIRECT), 0), (answer, self.answers_weigh)]

    def conclude(self) -> Document:
        """A question, some sentences with sums that are made up, and what the last one gives."""
        rng = self.rng
        question, steps = rng.choice(self.steps)
        asked = question[question.rindex(". ") + 2 :]
        pieces = [(self.asked(question, THINK) + "\n", 0)]
        for clause, _ in rng.sample(steps, min(len(steps), rng.randrange(1, 5))):
            fact = self.fact()
            pieces.append((f" {clause}: {fact}", 0))
        result = fact.rstrip(".").split()[-1]
        pieces += [(f" {asked}", 1), (f" {result}.", 1)]
        for _ in range(rng.choice((0, 0, 1, 2))):
            aside = rng.choice(self.asides) if rng.random() < 0.6 else self.fact()
            pieces.append((f" {aside}", 0))
        if rng.random() < 0.7:
            pieces.append((f" {rng.choice(self.ends)} {result}.", 1))
        return pieces

    def document(self, longest: int, shares: tuple[int, ...]) -> Document:
        """A document of at most ``longest`` letters, its kind drawn with these shares."""
        while True:
            pieces = self.rng.choices(self.kinds, shares)[0]()
            if sum(len(text) for text, _ in pieces) <= longest:
                return pieces


Row = list[tuple[int, int]]  # of each token: its id and its weight


def rows_of(
    language: Language, tokenizer: PreTrainedTokenizerFast, longest: int, shares: tuple[int, ...]
) -> Iterator[Row]:
    """Documents as tokens, endlessly; what is given has no weight."""
    while True:
        row = []
        for text, weight in language.document(longest, shares):
            row += [(one, weight) for one in tokenizer(text).input_ids]
        yield [*row, (tokenizer.eos_token_id, 1)]


def batches_of(rows: list[Row], budget: int) -> list[list[Row]]:
    """Batches of rows of similar length, of at most ``budget`` tokens with their padding.

    Whole documents and no loss on what cannot be known teach a model much faster to look up what
    was given than blocks with a loss on everything.
    """
    batches: list[list[Row]] = [[]]
    for row in sorted(rows, key=len):
        if batches[-1] and len(row) * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(row)
    return batches


def tensors(batch: list[Row], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and weights, padded on the right."""
    length = max(map(len, batch))
    both = torch.tensor([row + [(pad, 0)] * (length - len(row)) for row in batch])
    return both[..., 0], both[..., 1]


@torch.no_grad()
def probe(model, tokenizer, texts: dict[str, list[Document]]) -> dict[str, float]:
    """For each kind of document, the share of numbers that are right where they can be known."""
    vocabulary = tokenizer.get_vocab()
    numbers = torch.tensor([vocabulary[word] for word in vocabulary if word.strip().isdigit()])
    shares = {}
    for kind, documents in texts.items():
        right = total = 0
        for pieces in documents:
            row = []
            for text, weight in pieces:
                row += [(one, one if weight else -100) for one in tokenizer(text).input_ids]
            ids, labels = torch.tensor(row).T
            guess = model(input_ids=ids[None]).logits[0, :-1].argmax(-1)
            labels = torch.where(torch.isin(labels, numbers), labels, -100)
            right += int((guess == labels[1:]).sum())
            total += int((labels[1:] != -100).sum())
        shares[kind] = right / total
    return shares


@torch.no_grad()
def look_back(model, strength: float = 8.0) -> None:
    """Start the first layer's heads with looking 1, 2, 3 and 1 places back.

    To know what stood before a word is the first half of looking up. Small models find it by
    themselves, after a few hundred thousand tokens; as biases on the rotated queries and keys it
    can be written down: the score is a sum of cosines that is highest at the wanted distance.
    """
    config, attention = model.config, model.model.layers[0].self_attn
    size = config.hidden_size // config.num_attention_heads
    turns = config.rope_parameters["rope_theta"] ** (-torch.arange(0, size, 2) / size)
    quick = (turns > 0.03) * strength
    for head, back in zip(range(config.num_attention_heads), (1, 2, 3, 1), strict=True):
        rows = slice(head * size, (head + 1) * size)
        query = torch.cat([torch.cos(back * turns) * quick, -torch.sin(back * turns) * quick])
        attention.q_proj.bias[rows] = query
        attention.k_proj.bias[rows] = torch.cat([quick, torch.zeros(size // 2)])


def make_model(tokenizer: PreTrainedTokenizerFast) -> Any:
    """A Llama of a million parameters."""
    config = LlamaConfig(
        vocab_size=max(tokenizer.get_vocab().values()) + 1,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        attention_bias=True,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = AutoModelForCausalLM.from_config(config)
    look_back(model)
    return model


def train(model, tokenizer, language: Language, stage: Stage) -> None:
    """Train for a stage, and tell how it goes."""
    rng = language.rng
    layers = [p for p in model.model.layers.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if not any(p is one for one in layers)]
    # Muon needs half the tokens that AdamW does until it looks up numbers (measured)
    optimizers = [
        torch.optim.Muon(layers, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]
    kinds = language.kinds if stage.shares[-1] else language.kinds[:-1]
    probes = {kind.__name__: [kind() for _ in range(60)] for kind in kinds}
    waiting: list[list[Row]] = []
    began, losses, tokens = time.time(), [], 0
    for step in range(stage.steps):
        falling = 1.0 if stage.first else max((stage.steps - step) / stage.steps, 0.01)
        for optimizer, rate in zip(optimizers, stage.rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / 50) * falling
        # short documents first: what is to be looked up is near, and little is there to confuse it
        grown = min(1.0, step / GROWING) if stage.first else 1.0
        if not waiting:
            shares = REPEATS if stage.first and step < REPEATING else stage.shares
            made = rows_of(language, tokenizer, round(300 + 1200 * grown), shares)
            waiting = batches_of(list(itertools.islice(made, 200)), BATCH_TOKENS)
            rng.shuffle(waiting)
        ids, weights = tensors(waiting.pop(), tokenizer.pad_token_id)
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        known = weights[:, 1:] > 0
        target, weight = ids[:, 1:][known], weights[:, 1:][known].float()
        losses_of = torch.nn.functional.cross_entropy(
            model.lm_head(hidden[known]), target, reduction="none"
        )
        loss = (losses_of * weight).sum() / weight.sum()
        tokens += ids.numel()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            spent = time.time() - began
            print(f"step {step + 1}  loss {sum(losses) / len(losses):.3f}  {spent:.0f} s  "
                  f"{tokens / spent:.0f} tokens/s", flush=True)  # fmt: skip
            losses = []
        if (step + 1) % 500 == 0:
            told = {kind: f"{share:.1%}" for kind, share in probe(model, tokenizer, probes).items()}
            print(f"  numbers right: {told}", flush=True)


def main() -> None:
    """Read, train, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--traces", type=Path, required=True, help="Parquet, or a folder of it")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # with more, sums come out in another order

    rows = read(options.traces)
    # Each text by itself as well: a word at its beginning has no space before it.
    texts = [" ".join(row.values()) for row in rows] + [t for row in rows for t in row.values()]
    tokenizer = make_tokenizer([*texts, THINK, DIRECT])
    language = Language(rows)
    print(f"{len(rows)} rows, {len(language.steps)} steps, "
          f"{len(language.short)} short questions", flush=True)  # fmt: skip
    model = make_model(tokenizer)
    for number, stage in enumerate(STAGES):
        print(f"stage {number + 1} of {len(STAGES)}", flush=True)
        language.rng.seed(number)
        language.answers_weigh = stage.answers_weigh
        train(model, tokenizer, language, stage)
        if not stage.first:  # as it is stored
            for weights in model.parameters():
                weights.data = weights.data.bfloat16().float()

    model.to(torch.bfloat16).save_pretrained(options.out)
    tokenizer.save_pretrained(options.out)
    stored = (options.out / "model.safetensors").read_bytes()
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(stored)} bytes, "
          f"sha256 {hashlib.sha256(stored).hexdigest()}")  # fmt: skip


if __name__ == "__main__":
    main()
