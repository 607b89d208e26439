"""How traces become steps: a token budget, whatever the number of processes.

    10,000 traces of 6,000 tokens, 400,000 tokens a step  ->  150 steps of 66 or 67 traces

An epoch is shuffled by the seed alone, and divided into steps of as many traces each. So the same
traces make the same step on one process and on sixteen; what differs is how transformers' sampler
deals them out into micro-batches of traces of similar length. The loss is the sum over all trained
tokens of a step, divided by their number over all processes (transformers' `num_items_in_batch`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from preflight import Stop
from transformers.trainer_pt_utils import BatchRebalanceSampler

MOST_PADDING = 0.05
"""Share of padding above which a step is dealt out into more micro-batches; our choice."""
PROBED_STEPS = 50
"""Steps whose micro-batches are looked at before training; dealing them out takes a while."""


class Plan(NamedTuple):
    """How traces become steps."""

    steps: int
    steps_per_epoch: int
    traces: float  # a step, on average
    processes: int
    accumulation: int  # micro-batches a step and process
    tokens_by_step: np.ndarray  # all tokens seen after each step
    padding: float  # share of padding in what is computed
    largest: int  # tokens of the largest micro-batch, padding included
    length_by: str  # what the number of steps follows from

    def facts(self) -> list[str]:
        """What a person wants to know of it."""
        each = np.diff(self.tokens_by_step[: self.steps_per_epoch], prepend=0)
        return [
            f"{self.steps:,} steps of {self.traces:,.1f} traces, {each.mean():,.0f} tokens "
            f"(sd {each.std():,.0f}, {each.min():,} to {each.max():,}); an epoch has "
            f"{self.steps_per_epoch:,}",
            f"{self.tokens_by_step[-1]:,} tokens in all; {self.processes} "
            f"process{'es' if self.processes > 1 else ''} with {self.accumulation} micro-batches a "
            f"step: {self.padding:.1%} padding, at most {self.largest:,} tokens at once",
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
    """Transformers' sampler, with steps of equal size that our seed shuffles.

    The original leaves a small last step in each epoch, and fills it by repeating rows. It also is
    told its epoch through accelerate's wrappers, and after a resume with several processes that
    message does not arrive: the run would go on with epoch 0's order. So it asks.
    """

    def __init__(
        self, lengths: list[int], *, steps: int, processes: int, accumulation: int, seed: int,
        rank: int = 0, epoch_now: Callable[[], int] = lambda: 0,
    ) -> None:  # fmt: skip
        super().__init__(
            lengths, effective_batch_size=-(-len(lengths) // steps), dp_size=processes,
            grad_accum=accumulation, rank=rank, seed=seed,
        )  # fmt: skip
        self.steps, self.epoch_now = steps, epoch_now

    def __iter__(self) -> Iterator[list[int]]:
        for chosen in steps_of(
            len(self.lengths), self.steps, seed=self.seed, epoch=self.epoch_now()
        ):
            yield from self._yield_global_batch(chosen.tolist())

    def __len__(self) -> int:
        return self.steps * self.grad_accum

    def micro_batches(self, chosen: np.ndarray) -> list[list[int]]:
        """A step, dealt out to all processes."""
        lengths = [self.lengths[row] for row in chosen]
        return [batch for rank in self._assign(chosen.tolist(), lengths) for batch in rank]


def steps_of(rows: int, steps: int, *, seed: int, epoch: int) -> list[np.ndarray]:
    """The rows of each step of an epoch."""
    generator = torch.Generator().manual_seed(seed + epoch)
    return np.array_split(torch.randperm(rows, generator=generator).numpy(), steps)


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
    lengths = lengths.astype(np.int64)
    rows, total = len(lengths), int(lengths.sum())
    steps_per_epoch = min(rows, max(1, round(total / tokens_per_step)))
    traces = rows // steps_per_epoch
    if traces < processes:
        raise Stop(
            f"a step of {tokens_per_step:,} tokens holds {traces} traces, which {processes} "
            "processes cannot share; use fewer processes, or raise --tokens_per_step"
        )

    def tokens_until(steps: int) -> np.ndarray:
        """Tokens seen after each of the first so many steps."""
        sums = [
            int(lengths[chosen].sum())
            for epoch in range(-(-steps // steps_per_epoch))
            for chosen in steps_of(rows, steps_per_epoch, seed=seed, epoch=epoch)
        ]
        return np.cumsum(sums[:steps])

    if match_steps and match_tokens:
        raise Stop("--match_steps and --match_tokens: name one of them")
    steps = max(1, int(np.ceil(epochs * steps_per_epoch)))
    length_by = f"{epochs:g} epoch{'' if epochs == 1 else 's'}"
    if match_steps:
        steps, length_by = match_steps, f"--match_steps {match_steps}"
    elif match_tokens:
        enough = tokens_until((match_tokens // total + 1) * steps_per_epoch)
        steps = int(np.searchsorted(enough, match_tokens)) + 1
        length_by = f"--match_tokens {match_tokens}"

    probed = steps_of(rows, steps_per_epoch, seed=seed, epoch=0)[:PROBED_STEPS]

    def computed(accumulation: int) -> np.ndarray:
        """Tokens of the micro-batches of the probed steps, padding included."""
        sampler = Sampler(
            lengths.tolist(), steps=steps_per_epoch, processes=processes,
            accumulation=accumulation, seed=seed,
        )  # fmt: skip
        batches = [lengths[b] for chosen in probed for b in sampler.micro_batches(chosen)]
        return np.array([b.sum() if padding_free else len(b) * b.max() for b in batches])

    # The fewest micro-batches that fit a device and have little padding, by halving.
    room = max(tokens_per_device, int(lengths.max()))
    needed = sum(int(lengths[chosen].sum()) for chosen in probed)
    too_few, accumulation = 0, traces // processes
    while accumulation - too_few > 1:
        middle = (too_few + accumulation) // 2
        sizes = computed(middle)
        if sizes.max() > room or sizes.sum() > needed / (1 - MOST_PADDING):
            too_few = middle
        else:
            accumulation = middle
    sizes = computed(accumulation)
    return Plan(
        steps, steps_per_epoch, rows / steps_per_epoch, processes, accumulation,
        tokens_until(steps), 1 - needed / float(sizes.sum()), int(sizes.max()), length_by,
    )  # fmt: skip
