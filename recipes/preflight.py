"""What goes wrong silently when a student is trained on reasoning, looked for before it happens.

A published row becomes tokens and labels; -100 marks what is given and not trained:

    <|im_start|>user\\nWhat is 7 + 5?<|im_end|>\\n<|im_start|>assistant\\n     -100 -100 -100 …
    <think>\\n7 and 5 make 12.\\n</think>\\n\\nThe answer is 12.<|im_end|>\\n  trained

A row that cannot be trained on is left out and counted, never cut: `REASONS` says why. What would
spoil the whole training is a `Finding` that stops it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from datasets import Dataset
    from opening import Base
    from transformers import PreTrainedTokenizerBase

THINK, CLOSE = "<think>", "</think>"

REASONS = {
    "no_reply": "the chat does not end with a reply to the user",
    "no_thinking": "the mode is think, but the reply does not begin with <think>",
    "thinks_unasked": "the mode is no_think, but the reply begins with <think>",
    "no_opening_tag": "the reply closes a thinking that it never opened",
    "no_closing_tag": "the thinking never ends: the trace was cut off",
    "empty_thinking": "nothing stands between <think> and </think>",
    "no_answer": "no answer follows",
    "control_token": "the text holds a control token of this student's chat template",
    "too_long": "longer than max_length; a trace is left out, never cut",
    "nothing_trained": "no token of it would be trained",
}

Chat = list[dict[str, str]]


class Stop(Exception):
    """Training cannot start, or would be silently wrong; the message says what to do."""


class Finding(NamedTuple):
    """What was noticed. A `stop` would make training silently wrong."""

    level: Literal["stop", "note"]
    text: str


def stop(text: str) -> Finding:
    """A finding that ends it."""
    return Finding("stop", text)


def note(text: str) -> Finding:
    """A finding to know of."""
    return Finding("note", text)


class Prepared(NamedTuple):
    """Rows ready for training, and the rows left out by reason."""

    rows: Dataset  # input_ids, labels, length
    dropped: dict[str, int]
    direct_rows: int  # that answer without thinking

    @property
    def total(self) -> int:
        """Rows of the config."""
        return len(self.rows) + sum(self.dropped.values())

    def lengths(self) -> np.ndarray:
        """Tokens of each row."""
        lengths: np.ndarray = self.rows.with_format("numpy")["length"][:]
        return lengths

    def trained_share(self) -> float:
        """The share of all tokens that is trained."""
        asked = self.rows.with_format("numpy")["asked"][:]
        return float(1 - asked.sum() / self.lengths().sum())

    def told(self) -> dict[str, Any]:
        """What the record of the run says of it."""
        return {
            "rows": len(self.rows),
            "rows_in_config": self.total,
            "dropped": self.dropped,
            "trained_share": self.trained_share(),
        }


# Rows to tokens


def flaw(chat: Chat, mode: str | None) -> str | None:
    """Why a chat cannot be trained on, by its text alone; None if it can."""
    if len(chat) < 2 or (chat[-2]["role"], chat[-1]["role"]) != ("user", "assistant"):
        return "no_reply"
    reply = (chat[-1]["content"] or "").lstrip()
    if not reply.startswith(THINK):
        if mode == "think":
            return "no_thinking"
        if mode is None and CLOSE in reply:
            return "no_opening_tag"
        return None if reply.strip() else "no_answer"
    if mode == "no_think":
        return "thinks_unasked"
    thinking, closed, answer = reply.removeprefix(THINK).rpartition(CLOSE)
    if not closed:
        return "no_closing_tag"
    if not thinking.strip():
        return "empty_thinking"
    return None if answer.strip() else "no_answer"


def answers_directly(chat: Chat) -> bool:
    """Whether a chat ends with a reply that does not think."""
    return bool(chat) and not (chat[-1]["content"] or "").lstrip().startswith(THINK)


def control_pattern(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    """The texts that mean something to this student's template, so that data must not hold them.

    The tokenizer makes one control token of `<|im_end|>` wherever it stands, so a question could
    end its own turn. These are its special tokens, and the tags that the template writes around
    messages; not the thinking tags, which are what a trace is made of.
    """
    texts = {str(token) for token in tokenizer.all_special_tokens}
    texts |= {t.content for t in tokenizer.added_tokens_decoder.values() if t.special}
    mark = "\ue000"
    chat = [{"role": "user", "content": mark}, {"role": "assistant", "content": mark}]
    for piece in render(tokenizer, [chat])[0].split(mark):
        texts |= set(re.findall(r"<[^<>\s]{1,40}>|\[/?[A-Z_]{3,}\]", piece))
    texts -= {THINK, CLOSE}
    return re.compile("|".join(re.escape(text) for text in sorted(texts)) or r"(?!)")


def render(tokenizer: PreTrainedTokenizerBase, chats: list[Chat], **options: Any) -> list[str]:
    """The texts of chats, as the student's template writes them."""
    texts: list[str] = tokenizer.apply_chat_template(chats, tokenize=False, **options)
    return texts


def common_prefix(a: Sequence[Any], b: Sequence[Any]) -> int:
    """How far two sequences are alike."""
    if a == b[: len(a)]:
        return len(a)
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (one, other) in pairs if one != other), min(len(a), len(b)))


def tokenize(
    table: pa.Table, *, tokenizer: PreTrainedTokenizerBase, control: re.Pattern[str]
) -> pa.Table:
    """Tokens and labels of a batch of rows; what TRL makes of {prompt, completion}, in one pass."""
    import numpy as np
    import pyarrow as pa

    chats = table["messages"].to_pylist()
    modes = table["mode"].to_pylist() if "mode" in table.column_names else [None] * len(chats)
    reasons = [flaw(chat, mode) for chat, mode in zip(chats, modes, strict=True)]
    for row, chat in enumerate(chats):
        if any(control.search(turn["content"] or "") for turn in chat):
            reasons[row] = reasons[row] or "control_token"
    good = [row for row, reason in enumerate(reasons) if reason is None]
    ids: list[list[int]] = [[] for _ in chats]
    asked = [0] * len(chats)
    if good:
        # The template has written every control token: the tokenizer adds none of its own.
        encode = partial(
            tokenizer, add_special_tokens=False, return_attention_mask=False, verbose=False
        )
        whole = encode(render(tokenizer, [chats[row] for row in good])).input_ids
        before = [chats[row][:-1] for row in good]
        prompts = encode(render(tokenizer, before, add_generation_prompt=True)).input_ids
        for row, full, prompt in zip(good, whole, prompts, strict=True):
            ids[row], asked[row] = full, common_prefix(prompt, full)
            if asked[row] >= len(full):
                reasons[row] = "nothing_trained"
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in ids])]).astype(np.int64)
    flat = np.concatenate([np.asarray(row, np.int32) for row in ids])
    labels = flat.copy()
    for start, prompt in zip(offsets, asked, strict=False):
        labels[start : start + prompt] = -100
    return pa.table(
        {
            "input_ids": pa.LargeListArray.from_arrays(offsets, flat),
            "labels": pa.LargeListArray.from_arrays(offsets, labels),
            "length": pa.array([len(row) for row in ids], pa.int32()),
            "asked": pa.array(asked, pa.int32()),
            "direct": pa.array([answers_directly(chat) for chat in chats], pa.bool_()),
            "reason": pa.array(reasons, pa.string()),
        }
    )


def prepare(
    rows: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    num_proc: int | None = None,
) -> Prepared:
    """Tokenize the rows of a config, leave out what cannot be trained on, and count it."""
    import numpy as np
    from datasets import Features, LargeList, Value
    from datasets.fingerprint import Hasher

    if "messages" not in rows.column_names:
        raise Stop(
            f"the data set has no column 'messages'; its columns: {', '.join(rows.column_names)}. "
            "Train on a release that `nt build` made, or bring a column of chats of that name"
        )
    control = control_pattern(tokenizer)
    # The hash of a tokenizer that has been used differs from that of a fresh one, so that every
    # process would tokenize anew: name what the result depends on.
    key = [
        rows._fingerprint,
        tokenizer.backend_tokenizer.to_str(),
        tokenizer.chat_template,
        control.pattern,
        "2",
    ]
    columns = [name for name in ("messages", "mode") if name in rows.column_names]
    list_of = LargeList(Value("int32"))
    done = (
        rows.select_columns(columns)
        .with_format("arrow")
        .map(
            partial(tokenize, tokenizer=tokenizer, control=control),
            batched=True,
            batch_size=64,
            remove_columns=columns,
            num_proc=num_proc,
            new_fingerprint=Hasher.hash(key),
            features=Features(
                {
                    "input_ids": list_of,
                    "labels": list_of,
                    "length": Value("int32"),
                    "asked": Value("int32"),
                    "direct": Value("bool"),
                    "reason": Value("string"),
                }
            ),
            desc="Tokenizing",
        )
    )
    narrow = done.select_columns(["length", "direct", "reason"])[:]
    length, direct = narrow["length"].to_numpy(), narrow["direct"].to_numpy(zero_copy_only=False)
    reason = np.array([str(name or "") for name in narrow["reason"].to_pylist()], dtype=object)
    reason[(reason == "") & (length > max_length)] = "too_long"
    kept = np.flatnonzero(reason == "")
    dropped = {name: int((reason == name).sum()) for name in REASONS}
    chosen = done if len(kept) == len(done) else done.select(kept)
    return Prepared(
        chosen.with_format(None).remove_columns(["reason", "direct"]),
        {name: count for name, count in dropped.items() if count},
        int(direct[kept].sum()),
    )


def inspect(
    rows: Dataset, base: Base, *, max_length: int, num_proc: int | None = None
) -> tuple[Prepared, list[Finding]]:
    """Make rows ready for a student, and say what is wrong with them and with it.

    Raises:
        Stop: nothing can be made ready.
    """
    if base.tokenizer.chat_template is None:
        raise Stop(
            f"{base.name} has no chat template. Train an instruct model, or bring a template: "
            "--chat_template_path FILE.jinja"
        )
    prepared = prepare(rows, base.tokenizer, max_length=max_length, num_proc=num_proc)
    if not len(prepared.rows):
        told = "; ".join(f"{n:,} {name}: {REASONS[name]}" for name, n in prepared.dropped.items())
        raise Stop(f"no row is left to train on ({told or 'the config is empty'})")
    text = base.config.get_text_config()
    positions = getattr(text, "max_position_embeddings", None)
    findings = check_template(base.tokenizer, stops=base.stops)
    findings += check_rows(prepared, base.tokenizer, vocabulary=text.vocab_size)
    if positions and max_length > positions:
        told = f"max_length is {max_length:,}, but the student has {positions:,} positions"
        findings.append(stop(f"{told}; use --max_length {positions}"))
    return prepared, findings


# What the student's template and tokenizer do


def check_template(
    tokenizer: PreTrainedTokenizerBase, *, stops: Iterable[int] = ()
) -> list[Finding]:
    """What the chat template does to thinking, and whether the student learns to stop.

    Args:
        tokenizer: the student's.
        stops: ids at which the student's generation config ends a reply, besides eos.
    """
    question, thought, answer = "How many apples?", "Let me count the apples.", "There are seven."
    reply = f"{THINK}\n{thought}\n{CLOSE}\n\n{answer}"
    user = {"role": "user", "content": question}
    whole, direct = render(
        tokenizer, [[user, {"role": "assistant", "content": text}] for text in (reply, answer)]
    )
    (prompt,) = render(tokenizer, [[user]], add_generation_prompt=True)
    instead = "name one that keeps it: --chat_template_path FILE.jinja"
    found = []
    if thought not in whole:
        found.append(stop(f"the chat template strips the thinking; {instead}"))
    elif answer not in whole or whole.index(thought) > whole.rindex(answer):
        found.append(stop(f"the chat template reorders thinking and answer; {instead}"))
    elif reply not in whole:
        found.append(stop(f"the chat template rewrites the thinking; {instead}"))
    if question not in whole:
        found.append(stop("the chat template loses the question"))
    if opens_thinking(tokenizer):
        found.append(note("the chat template opens the thinking: <think> is given, not trained"))
    elif not whole.startswith(prompt):
        there = common_prefix(prompt, whole)
        found.append(
            stop(
                f"the chat template ends a prompt with {prompt[there:]!r}, but writes "
                f"{whole[there : there + 20]!r} there once a reply follows: the student would be "
                "trained on a prompt that it never sees"
            )
        )
    if THINK in direct and THINK not in prompt:
        found.append(
            note(
                "the chat template puts an empty think block before an answer without thinking: "
                "System-1 replies are trained to begin with it"
            )
        )
    after = tokenizer(whole[whole.rfind(answer) + len(answer) :], add_special_tokens=False)
    if not {tokenizer.eos_token_id, *stops} & set(after.input_ids):
        last = tokenizer.decode(after.input_ids[:1])
        found.append(
            stop(
                f"the student would never learn to stop: its replies end with {last!r}, and its "
                f"stop token is {tokenizer.eos_token!r}"
                + (f"; use --eos_token {last!r}" if last in tokenizer.get_vocab() else "")
            )
        )
    if "strftime_now" in str(tokenizer.chat_template):
        found.append(note("the chat template writes the date of the day into every prompt"))
    return found


def opens_thinking(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether every prompt already ends with `<think>`."""
    chat = [{"role": "user", "content": "?"}]
    return render(tokenizer, [chat], add_generation_prompt=True)[0].rstrip().endswith(THINK)


def check_rows(
    prepared: Prepared,
    tokenizer: PreTrainedTokenizerBase,
    *,
    vocabulary: int,
    sample: int = 1000,
) -> list[Finding]:
    """What is wrong with the tokens, seen on the first rows."""
    found = []
    first = prepared.rows[: min(sample, len(prepared.rows))]
    tokens = sum(first["length"])
    if not all(first["asked"]):
        found.append(stop("questions would be trained on: nothing of the prompt is masked"))
    top = max(max(ids) for ids in first["input_ids"])
    if top >= vocabulary:
        found.append(stop(f"token {top} is outside the student's vocabulary of {vocabulary:,}"))
    if tokenizer.unk_token_id is not None:
        unknown = sum(ids.count(tokenizer.unk_token_id) for ids in first["input_ids"]) / tokens
        told = f"{unknown:.1%} of the tokens are unknown to the student's tokenizer"
        if unknown > 0.001:
            found.append(stop(told) if unknown > 0.1 else note(told))
    if opens_thinking(tokenizer) and prepared.direct_rows:
        found.append(
            stop(
                "the chat template opens the thinking in every prompt, but "
                f"{prepared.direct_rows:,} rows answer without thinking: the student would never "
                "be asked as it was trained. Bring another: --chat_template_path FILE.jinja"
            )
        )
    if (share := prepared.trained_share()) < 0.05:
        found.append(note(f"only {share:.1%} of the tokens are trained"))
    left_out = sum(prepared.dropped.values())
    if left_out > prepared.total / 5:
        found.append(note(f"{left_out / prepared.total:.0%} of the rows are left out: see above"))
    return found
