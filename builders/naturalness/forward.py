"""Log-probabilities of the tokens of responses to one prompt.

The prompt is run once, and what attention keeps of it, its cache, is shared. Behind it the spans of
a response are packed into rows of at most so many tokens, whatever response they are of:

    cache of the prompt | span 0 . . | span 1 . . . . | span 2 . .

A mask keeps each span to the prompt and to itself, and its positions go on behind the prompt, so
each is run as if it were alone. Logits are made for the wanted tokens only. A span that is longer
than a row is run in pieces, the cache growing behind the prompt.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.naturalness.windows import Span

if TYPE_CHECKING:
    import torch

Tokens = NDArray[np.int64]
Floats = NDArray[np.float32]


class Wanted(NamedTuple):
    """A span of a response."""

    tokens: Tokens
    span: Span

    @property
    def inputs(self) -> int:
        """How many tokens are run: the last one is not, since nothing is asked of it."""
        return self.span.end - self.span.start - 1


def log_probabilities(
    model: Any, prompt: Tokens, wanted: Sequence[Wanted], *, row_tokens: int
) -> list[Floats]:
    """For each span, the log-probability of each of its wanted tokens, in nats.

    Args:
        model: a causal language model of transformers, which does not drop out.
        prompt: its tokens, at least one.
        wanted: spans of responses to it.
        row_tokens: how many tokens are run at once, at most.
    """
    import torch
    from transformers import DynamicCache

    with torch.inference_mode():
        cache = DynamicCache()
        after_prompt = _run_prompt(model, cache, prompt, row_tokens)
        found = [np.empty(one.span.end - one.span.scored, np.float32) for one in wanted]
        for row in _rows(wanted, row_tokens):
            _run_row(model, cache, after_prompt, wanted, row, found, row_tokens)
            cache.crop(len(prompt) - cache.get_seq_length())
    return found


def _run_prompt(model: Any, cache: Any, prompt: Tokens, row_tokens: int) -> "torch.Tensor":
    """Fill the cache; returns the log-probabilities of the first token behind the prompt."""
    import torch

    logits = torch.empty(0)
    for start in range(0, len(prompt), row_tokens):
        ids = torch.from_numpy(prompt[start : start + row_tokens])[None].to(model.device)
        output = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        logits = output.logits
    return torch.log_softmax(logits[0, -1].float(), -1)


def _rows(wanted: Sequence[Wanted], row_tokens: int) -> list[list[int]]:
    """Which spans are run together: as many as there is room for, in their order."""
    rows: list[list[int]] = [[]]
    room = row_tokens
    for place, one in enumerate(wanted):
        if one.inputs > room and rows[-1]:
            rows.append([])
            room = row_tokens
        rows[-1].append(place)
        room -= one.inputs
    return rows


def _run_row(
    model: Any,
    cache: Any,
    after_prompt: "torch.Tensor",
    wanted: Sequence[Wanted],
    row: Sequence[int],
    found: list[Floats],
    row_tokens: int,
) -> None:
    """Run the spans of a row and put what is found in its place."""
    import torch

    prompt = cache.get_seq_length()
    parts = [(wanted[place].tokens, wanted[place].span) for place in row]
    ids = np.concatenate([tokens[span.start : span.end - 1] for tokens, span in parts])
    places = np.concatenate([np.arange(span.start, span.end - 1) for _, span in parts])
    positions = np.concatenate([np.arange(span.end - 1 - span.start) for _, span in parts]) + prompt
    owner = np.repeat(np.arange(len(parts)), [span.end - span.start - 1 for _, span in parts])
    # An input tells of the token behind it, so it is wanted from one before the first one scored.
    scored_from = np.array([span.scored for _, span in parts])
    is_wanted = places >= scored_from[owner] - 1
    targets = np.concatenate([tokens[span.start + 1 : span.end] for tokens, span in parts])
    values = np.empty(len(ids), np.float32)
    for start in range(0, len(ids), row_tokens):
        piece = slice(start, start + row_tokens)
        keep = np.flatnonzero(is_wanted[piece])
        output = model(
            input_ids=torch.from_numpy(ids[piece])[None].to(model.device),
            position_ids=torch.from_numpy(positions[piece])[None].to(model.device),
            attention_mask=_mask(model, owner[piece], cache.get_seq_length()),
            past_key_values=cache,
            use_cache=True,
            # Of a piece that nothing is wanted of, the last: an empty choice is not allowed.
            logits_to_keep=torch.from_numpy(keep if len(keep) else np.array([0])).to(model.device),
        )
        if len(keep):
            chosen = torch.from_numpy(targets[piece][keep]).to(model.device)
            losses = torch.nn.functional.cross_entropy(
                output.logits[0].float(), chosen, reduction="none"
            )
            values[start + keep] = -losses.cpu().numpy()
    for which, place in enumerate(row):
        tokens, span = parts[which]
        behind = values[(owner == which) & is_wanted]
        if span.scored == span.start:  # its first token follows the prompt itself
            first = after_prompt[int(tokens[span.start])].cpu().numpy()
            behind = np.concatenate([[first], behind])
        found[place][:] = behind


def _mask(model: Any, owner: NDArray[np.int64], seen: int) -> "torch.Tensor":
    """What each token attends to: all of the cache, and what is before it in its own span."""
    import torch

    own = torch.from_numpy(owner).to(model.device)
    allowed = torch.ones(len(own), seen + len(own), dtype=torch.bool, device=model.device)
    allowed[:, seen:] = (own[:, None] == own[None, :]).tril()
    mask = torch.zeros(allowed.shape, dtype=model.dtype, device=model.device)
    return mask.masked_fill_(~allowed, torch.finfo(model.dtype).min)[None, None]
