"""What a step is made of: the same tokens as TRL's, the same traces on any number of processes."""

from pathlib import Path

import numpy as np
import planning
import preflight
import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from planning import Sampler, make_plan
from students import make_student, make_tokenizer

pytestmark = pytest.mark.filterwarnings("default")

TEXTS = ["What is 7 + 5?", "<think>\nSeven and five.\n</think>\n\nThe answer is 12.", "user"] * 5


def chats(count: int, seed: int = 0) -> Dataset:
    """Synthetic rows whose lengths vary as those of real traces do: a long tail."""
    rng = np.random.default_rng(seed)
    made = []
    for number, length in enumerate(rng.lognormal(2.5, 0.8, count).astype(int) + 1):
        thought = " ".join(str(n) for n in rng.integers(0, 99, length))
        think = number % 3 > 0
        reply = f"<think>\n{thought}\n</think>\n\n{number}." if think else f"{number}."
        made.append(
            {
                "messages": [
                    {"role": "user", "content": f"What is {number}?"},
                    {"role": "assistant", "content": reply},
                ],
                "mode": "think" if think else "no_think",
            }
        )
    return Dataset.from_list(made)


@pytest.mark.parametrize("family", ["chatml", "llama", "qwen3", "tags", "opens"])
def test_tokens_and_labels_are_those_of_trl(family: str, tmp_path: Path) -> None:
    from trl import SFTConfig, SFTTrainer

    rows = chats(30)
    tokenizer = make_tokenizer(TEXTS, family)
    ours = preflight.prepare(rows, tokenizer, max_length=10_000).rows
    split = rows.map(
        lambda row: {"prompt": row["messages"][:1], "completion": row["messages"][1:]},
        remove_columns=rows.column_names,
    )
    arguments = SFTConfig(str(tmp_path), max_length=None, bf16=False, use_cpu=True)
    student = make_student(tmp_path / "student", TEXTS, family=family)
    theirs = SFTTrainer(
        str(student), arguments, train_dataset=split, processing_class=tokenizer
    ).train_dataset
    assert len(ours) == len(theirs) == 30
    for name in ("input_ids", "labels"):
        assert ours[name][:] == theirs[name][:]


def test_several_processes_tokenize_the_same() -> None:
    rows, tokenizer = chats(30), make_tokenizer(TEXTS)
    one = preflight.prepare(rows, tokenizer, max_length=60)
    two = preflight.prepare(rows.select(range(30)), tokenizer, max_length=60, num_proc=2)
    assert one.dropped == two.dropped
    assert one.dropped["too_long"] > 0
    assert one.rows["labels"][:] == two.rows["labels"][:]


# The plan

lengths_of = st.lists(st.integers(1, 500), min_size=20, max_size=200)


def plan_for(lengths: list[int], **options: object) -> planning.Plan:
    defaults = {
        "tokens_per_step": 2000, "tokens_per_device": 600, "processes": 1, "epochs": 2.0, "seed": 3,
    }  # fmt: skip
    return make_plan(np.array(lengths), **{**defaults, **options})  # type: ignore[arg-type]


def dealt(lengths: list[int], plan: planning.Plan, epoch: int = 0) -> list[list[int]]:
    """The traces of each step of an epoch, over all processes, as the sampler deals them out."""
    steps: list[list[int]] = [[] for _ in range(plan.steps_per_epoch)]
    for rank in range(plan.processes):
        sampler = Sampler(
            lengths, steps=plan.steps_per_epoch, processes=plan.processes,
            accumulation=plan.accumulation, rank=rank, seed=3, epoch_now=lambda: epoch,
        )  # fmt: skip
        batches = list(sampler)
        assert len(batches) == len(sampler)
        assert all(batches)
        for number, batch in enumerate(batches):
            steps[number // plan.accumulation] += batch
    return [sorted(step) for step in steps]


@settings(max_examples=20)
@given(lengths_of)
def test_a_step_holds_the_same_traces_on_any_number_of_processes(lengths: list[int]) -> None:
    one = plan_for(lengths)
    for processes in (2, 3, 4):
        if len(lengths) // one.steps_per_epoch < processes:
            continue
        many = plan_for(lengths, processes=processes)
        assert (many.traces, many.steps) == (one.traces, one.steps)
        assert (many.tokens_by_step == one.tokens_by_step).all()
        assert dealt(lengths, many) == dealt(lengths, one)


@settings(max_examples=20)
@given(lengths_of)
def test_an_epoch_shows_every_trace_once_and_the_plan_counts_its_tokens(lengths: list[int]) -> None:
    plan = plan_for(lengths)
    steps = dealt(lengths, plan)
    assert sorted(row for step in steps for row in step) == list(range(len(lengths)))
    assert max(map(len, steps)) - min(map(len, steps)) <= 1
    each = np.diff(plan.tokens_by_step[: plan.steps_per_epoch], prepend=0)
    assert [sum(lengths[i] for i in step) for step in steps] == each.tolist()
    assert plan.tokens_by_step[-1] == 2 * sum(lengths)


def test_epochs_and_seeds_are_shuffled_differently() -> None:
    lengths = [5] * 1000
    plan = plan_for(lengths)
    assert dealt(lengths, plan, 0)[0] != dealt(lengths, plan, 1)[0]
    one, other = (planning.steps_of(99, 3, seed=seed, epoch=0)[0] for seed in (1, 2))
    assert (one != other).any()


def test_the_budget_decides_the_traces_and_the_device_the_micro_batches() -> None:
    rng = np.random.default_rng(0)
    lengths = np.minimum(rng.lognormal(8.6, 0.6, 2000), 16_384).astype(int)
    wanted = {
        "tokens_per_step": 400_000, "tokens_per_device": 65_536, "processes": 2, "epochs": 1.0,
        "seed": 0,
    }  # fmt: skip
    plan = make_plan(lengths, **wanted)  # type: ignore[arg-type]
    each = np.diff(plan.tokens_by_step, prepend=0)
    assert abs(each.mean() / 400_000 - 1) < 0.05
    assert each.std() / each.mean() < 0.15
    assert plan.largest <= 65_536
    assert plan.padding < 0.15
    free = make_plan(lengths, **wanted, padding_free=True)  # type: ignore[arg-type]
    assert free.padding == 0 < plan.padding
    assert free.accumulation <= plan.accumulation


def test_matched_runs_are_equally_long() -> None:
    short, long = [20] * 400, [200] * 400
    plans = [plan_for(lengths, match_tokens=100_000) for lengths in (short, long)]
    for plan in plans:
        assert plan.tokens_by_step[-1] >= 100_000 > plan.tokens_by_step[-2]
        assert plan.length_by == "--match_tokens 100000"
    steps = [plan_for(lengths, match_steps=7) for lengths in (short, long)]
    assert [plan.steps for plan in steps] == [7, 7]
    with pytest.raises(preflight.Stop, match="name one"):
        plan_for(short, match_steps=1, match_tokens=1)


def test_more_processes_than_traces_in_a_step_stop() -> None:
    with pytest.raises(preflight.Stop, match="holds 4 traces, which 5 processes cannot share"):
        plan_for([500] * 50, processes=5)


# Without padding


def test_traces_in_one_row_do_not_see_each_other(tmp_path: Path) -> None:
    """The padding-free collator puts traces behind each other: logits equal those alone."""
    from transformers import AutoModelForCausalLM
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    model = AutoModelForCausalLM.from_pretrained(make_student(tmp_path / "student", TEXTS)).eval()
    rows = preflight.prepare(chats(5), make_tokenizer(TEXTS), max_length=10_000).rows
    examples = [{name: row[name] for name in ("input_ids", "labels")} for row in rows]
    packed = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)(examples)
    names = ("input_ids", "position_ids")
    with torch.no_grad():
        together = model(**{name: packed[name] for name in names}, use_cache=False).logits[0]
        alone = [model(input_ids=torch.tensor([e["input_ids"]])).logits[0] for e in examples]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)
    assert (packed["labels"] != -100).sum() == sum(
        label != -100 for example in examples for label in example["labels"]
    )
