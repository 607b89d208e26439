"""How traces become steps: a token budget, whatever the number of processes.

    400,000 tokens a step, 6,000 a trace  ->  67 traces a step

An epoch is shuffled by the seed alone, and a step takes the next so many traces of it. So the same
traces make the same step on one process and on sixteen; what differs is how transformers' sampler
deals them out into micro-batches of traces of similar length. The loss is the sum over all trained
tokens of a step, divided by their number over all processes (transformers' `num_items_in_batch`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from preflight import Stop
from transformers.trainer_pt_utils import BatchRebalanceSampler

PROBED_STEPS = 50
"""Steps whose micro-batches are looked at before training; dealing them out takes a while."""


class Plan(NamedTuple):
    """How traces become steps."""

    traces: int  # a step
    accumulation: int  # micro-batches a step and process
    processes: int
    steps: int
    steps_per_epoch: int
    tokens_by_step: np.ndarray  # all tokens seen after each step
    padding: float  # share of padding in what is computed
    largest: int  # tokens of the largest micro-batch, padding included
    length_by: str  # what the number of steps follows from

    def facts(self) -> list[str]:
        """What a person wants to know of it."""
        each = np.diff(self.tokens_by_step[: self.steps_per_epoch], prepend=0)
        spread = (
            f"{each.mean():,.0f} tokens (sd {each.std():,.0f}, {each.min():,} to {each.max():,})"
        )
        return [
            f"{self.steps:,} steps of {self.traces:,} traces, {spread} in an epoch of "
            f"{self.steps_per_epoch:,}",
            f"{self.tokens_by_step[-1]:,} tokens in all, on {self.processes} process"
            f"{'es' if self.processes > 1 else ''} with {self.accumulation} micro-batches each; "
            f"{self.padding:.1%} padding, {self.largest:,} tokens in the largest micro-batch",
        ]

    def told(self) -> dict[str, Any]:
        """What the record of the run says of it."""
        return {
            "steps": self.steps,
            "traces_per_step": self.traces,
            "micro_batches": self.accumulation,
            "processes": self.processes,
            "tokens_seen": int(self.tokens_by_step[-1]),
            "padding": self.padding,
            "length_by": self.length_by,
        }


class Sampler(BatchRebalanceSampler):
    """Transformers' sampler, shuffled by our seed and told the epoch when it begins.

    The trainer tells a sampler its epoch through accelerate's wrappers, and after a resume with
    several processes that message does not arrive: the run would go on with epoch 0's order.
    """

    def __init__(
        self, *args: Any, epoch_now: Callable[[], int] = lambda: 0, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.epoch_now = epoch_now

    def __iter__(self) -> Any:
        self.epoch = self.epoch_now()
        return super().__iter__()


def order_of(rows: int, *, seed: int, epoch: int) -> np.ndarray:
    """The order of an epoch, as the sampler draws it."""
    generator = torch.Generator()
    generator.manual_seed(seed + epoch)
    return torch.randperm(rows, generator=generator).numpy()


def make_plan(
    lengths: np.ndarray,
    *,
    tokens_per_step: int,
    tokens_per_device: int,
    processes: int,
    epochs: float,
    seed: int,
    match_steps: int | None = None,
    match_tokens: int | None = None,
    padding_free: bool = False,
) -> Plan:
    """Decide how many traces make a step, and how many micro-batches.

    Raises:
        Stop: there are more processes than traces in a step.
    """
    counts = lengths.astype(np.int64)
    rows = len(counts)
    traces = min(rows, max(1, round(tokens_per_step / counts.mean())))
    if traces < processes:
        raise Stop(
            f"a step of {tokens_per_step:,} tokens holds {traces} traces, which {processes} "
            "processes cannot share; use fewer processes, or raise --tokens_per_step"
        )
    steps_per_epoch = -(-rows // traces)

    def tokens_until(steps: int) -> np.ndarray:
        """Tokens of each of the first so many steps."""
        sums: list[int] = []
        for epoch in range(-(-steps // steps_per_epoch)):
            shuffled = counts[order_of(rows, seed=seed, epoch=epoch)]
            sums += np.add.reduceat(shuffled, np.arange(0, rows, traces)).tolist()
        return np.cumsum(sums[:steps])

    if match_steps and match_tokens:
        raise Stop("--match_steps and --match_tokens: name one of them")
    length_by = f"{epochs:g} epoch{'' if epochs == 1 else 's'}"
    if match_steps:
        steps, length_by = match_steps, f"--match_steps {match_steps}"
    elif match_tokens:
        enough = -(-match_tokens // int(counts.sum()) + 1) * steps_per_epoch
        steps = int(np.searchsorted(tokens_until(enough), match_tokens)) + 1
        length_by = f"--match_tokens {match_tokens}"
    else:
        steps = max(1, int(np.ceil(epochs * steps_per_epoch)))

    def micro_batches(accumulation: int) -> tuple[int, int]:
        """Computed tokens of the probed steps, and the largest micro-batch."""
        sampler = Sampler(
            counts.tolist(), effective_batch_size=traces, dp_size=processes,
            grad_accum=accumulation, seed=seed, drop_last=False,
        )  # fmt: skip
        shuffled = order_of(rows, seed=seed, epoch=0)
        sizes = []
        for start in range(0, min(rows, PROBED_STEPS * traces), traces):
            chosen = shuffled[start : start + traces].tolist()
            if len(chosen) < processes * accumulation:
                continue
            for rank in sampler._assign(chosen, counts[chosen].tolist()):
                sizes += [sum(counts[b]) if padding_free else len(b) * max(counts[b]) for b in rank]
        return int(sum(sizes)), int(max(sizes))

    # The fewest micro-batches of which none is larger than a device takes, by halving.
    room = max(tokens_per_device, int(counts.max()))
    most = traces // processes
    accumulation = min(most, -(-int(traces * counts.mean()) // (processes * room)))
    computed, largest = micro_batches(accumulation)
    if largest > room:
        too_few, accumulation = accumulation, most
        while accumulation - too_few > 1:
            middle = (too_few + accumulation) // 2
            if micro_batches(middle)[1] > room:
                too_few = middle
            else:
                accumulation = middle
        computed, largest = micro_batches(accumulation)
    probed = counts[order_of(rows, seed=seed, epoch=0)[: min(rows, PROBED_STEPS * traces)]].sum()
    return Plan(
        traces, accumulation, processes, steps, steps_per_epoch, tokens_until(steps),
        max(0.0, 1 - float(probed) / computed), largest, length_by,
    )  # fmt: skip
