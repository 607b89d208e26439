"""Log-probabilities of the tokens of responses to one prompt.

The prompt is run once, and what attention keeps of it, its cache, is shared. Behind it the spans of
the responses are run side by side, those of similar length together, whatever response they are of:

    cache of the prompt | span 7 . . . pad
    cache of the prompt | span 2 . . . .
    cache of the prompt | span 5 . . . .

Padding stands behind a span, where nothing looks at it, and positions go on behind the prompt, so
each is run as if it were alone. Logits are made for the wanted tokens only. A span that is longer
than a batch is run in pieces, the cache growing behind the prompt.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.naturalness.windows import Floats, Span

if TYPE_CHECKING:
    import torch

Tokens = NDArray[np.int64]
Layers = Sequence[tuple["torch.Tensor", "torch.Tensor"]]

_CACHE_SHARE = 4  # copies of the prompt's cache hold at most so many times a batch's tokens


class Wanted(NamedTuple):
    """A span of a response."""

    tokens: Tokens
    span: Span

    @property
    def inputs(self) -> int:
        """How many tokens are run: the last one is not, since nothing is asked of it."""
        return self.span.end - self.span.start - 1


def log_probabilities(
    model: Any, prompt: Tokens, wanted: Sequence[Wanted], *, batch_tokens: int
) -> list[Floats]:
    """For each span, the log-probability of each of its wanted tokens, in nats.

    Args:
        model: a causal language model of transformers, which does not drop out.
        prompt: its tokens, at least one.
        wanted: spans of responses to it.
        batch_tokens: how many tokens are run at once, at most, with their padding.
    """
    import torch

    found = [np.empty(one.span.end - one.span.scored, np.float32) for one in wanted]
    with torch.inference_mode():
        cache, after_prompt = _run_prompt(model, prompt, batch_tokens)
        for batch in _batches([one.inputs for one in wanted], len(prompt), batch_tokens):
            behind = _run_batch(model, cache, [wanted[place] for place in batch], batch_tokens)
            for place, values in zip(batch, behind, strict=True):
                found[place][len(found[place]) - len(values) :] = values
    for one, values in zip(wanted, found, strict=True):
        if one.span.scored == one.span.start:  # its first token follows the prompt itself
            values[0] = after_prompt[one.tokens[one.span.start]]
    return found


def _run_prompt(model: Any, prompt: Tokens, batch_tokens: int) -> tuple[Layers, Floats]:
    """Its cache, and the log-probabilities of the first token behind it."""
    import torch
    from transformers import DynamicCache

    cache, logits = DynamicCache(), torch.empty(0)
    for start in range(0, len(prompt), batch_tokens):
        ids = torch.from_numpy(prompt[start : start + batch_tokens])[None].to(model.device)
        output = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        logits = output.logits
    after = torch.log_softmax(logits[0, -1].float(), -1).cpu().numpy()
    layers: Any = cache.layers
    return [(layer.keys, layer.values) for layer in layers], after


def _batches(inputs: Sequence[int], prompt: int, batch_tokens: int) -> Iterator[list[int]]:
    """Which spans are run together: the shortest first, as many as there is room for.

    A span of one token needs no run: it follows the prompt.
    """
    most = max(_CACHE_SHARE * batch_tokens // prompt, 1)
    batch: list[int] = []
    for place in sorted(range(len(inputs)), key=inputs.__getitem__):
        if batch and (len(batch) == most or (len(batch) + 1) * inputs[place] > batch_tokens):
            yield batch
            batch = []
        if inputs[place]:
            batch.append(place)
    if batch:
        yield batch


def _run_batch(
    model: Any, cache: Layers, wanted: Sequence[Wanted], batch_tokens: int
) -> list[Floats]:
    """The log-probabilities of the wanted tokens of each span but one that follows the prompt."""
    import torch
    from transformers import DynamicCache

    shape = (len(wanted), max(one.inputs for one in wanted))
    ids, targets = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    chosen = np.zeros(shape, np.bool_)
    values = np.empty(shape, np.float32)
    for line, one in enumerate(wanted):
        start, scored, end = one.span
        ids[line, : one.inputs] = one.tokens[start : end - 1]
        targets[line, : one.inputs] = one.tokens[start + 1 : end]
        # An input tells of the token behind it, so it is wanted from one before the first scored.
        chosen[line, max(scored - 1 - start, 0) : one.inputs] = True
    copies = DynamicCache([tuple(kept.expand(len(wanted), -1, -1, -1) for kept in layer)
                           for layer in cache])  # fmt: skip
    columns = max(batch_tokens // len(wanted), 1)
    for start in range(0, shape[1], columns):
        piece = np.s_[:, start : start + columns]
        with _logits_of(model, torch.from_numpy(chosen[piece]).to(model.device)):
            output = model(
                input_ids=torch.from_numpy(ids[piece]).to(model.device),
                past_key_values=copies,
                use_cache=True,
            )
        following = torch.from_numpy(targets[piece][chosen[piece]]).to(model.device)
        losses = torch.nn.functional.cross_entropy(
            output.logits.float(), following, reduction="none"
        )
        values[piece][chosen[piece]] = -losses.cpu().numpy()
    return [line[of] for line, of in zip(values, chosen, strict=True)]


@contextmanager
def _logits_of(model: Any, chosen: "torch.Tensor") -> Iterator[None]:
    """Let the model make logits of these places only: (places, vocabulary) instead of all.

    Its `logits_to_keep` takes the same columns of every row, which would be most of them here.
    """
    hook = model.get_output_embeddings().register_forward_pre_hook(
        lambda _, inputs: (inputs[0][chosen],)
    )
    try:
        yield
    finally:
        hook.remove()
