"""The last hidden states of a causal LM, averaged over the tokens of a question.

The paper embeds questions by Llama-3.1-8B-Instruct and does not say how; the pooling is our choice.
Special tokens are left out: the state of the first one is hundreds of times as large as the others,
and the same for every text.
"""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from builders.embedders import (
    VERSION,
    Embedder,
    Vectors,
    cannot_load,
    missing_extra,
    normalised,
)
from builders.errors import BadOption

if TYPE_CHECKING:
    import torch

_TOKENS_AT_ONCE = 16_384  # of a padded batch


def hidden_states(
    source: str, name: str, revision: str, *, commit: str | None, max_tokens: int
) -> Embedder:
    """An embedder from a causal LM; on a GPU if there is one.

    Args:
        source: a folder or the Hub's id.
        name: as it is told.
        revision: the same.
        commit: which the Hub is asked for; None for a folder.
        max_tokens: of a question, if the model reads as many; what follows is not read.

    Raises:
        BadOption: transformers or torch is not installed, or the model cannot be loaded.
    """
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise missing_extra(name, package)
    import torch
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(source, revision=commit).get_text_config()
    except (OSError, ValueError, KeyError) as error:
        raise cannot_load(name, error) from error
    max_tokens = min(max_tokens, getattr(config, "max_position_embeddings", None) or max_tokens)
    device, dtype = ("cuda", "bfloat16") if torch.cuda.is_available() else ("cpu", "float32")
    facts = {
        "embedder": name,
        "kind": "causal LM",
        "revision": revision,
        "pooling": "mean of the last hidden states, without special tokens",
        "max_tokens": max_tokens,
        "dtype": dtype,
        "version": VERSION,
    }
    loaded: list[Any] = []

    def embed(texts: Sequence[str]) -> Vectors:
        try:
            return vectors_of(texts)
        except torch.OutOfMemoryError as error:
            raise BadOption(
                f"--embedder {name}: needs more memory than the GPU has free, for questions of up "
                f"to {max_tokens} tokens; try a smaller --max-tokens, a smaller model, or the CPU: "
                "CUDA_VISIBLE_DEVICES= nt annotate clusters …"
            ) from error

    def vectors_of(texts: Sequence[str]) -> Vectors:
        if not loaded:
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging

            logging.disable_progress_bar()  # type: ignore[no-untyped-call]
            try:
                tokenizer = AutoTokenizer.from_pretrained(source, revision=commit)
                model = AutoModel.from_pretrained(source, revision=commit, dtype=dtype)
            except (OSError, ValueError, KeyError, ImportError) as error:
                raise cannot_load(name, error) from error
            loaded.extend([tokenizer, model.to(device).eval()])
        tokenizer, model = loaded
        encoded = tokenizer(
            list(texts),
            truncation=True,
            max_length=max_tokens,
            return_special_tokens_mask=True,
            return_attention_mask=False,
        )
        tokens: list[list[int]] = encoded["input_ids"]
        special: list[list[int]] = encoded["special_tokens_mask"]
        vectors = np.zeros((len(texts), config.hidden_size), np.float32)
        for rows in _batches([len(one) for one in tokens]):
            vectors[rows] = _pooled(
                model, [tokens[row] for row in rows], [special[row] for row in rows]
            )
        return normalised(vectors)

    return Embedder(facts, embed)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows of similar length together, the longest first; rows without a token are left out."""
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if not lengths[row]:
            break
        if rows and (len(rows) + 1) * lengths[rows[0]] > _TOKENS_AT_ONCE:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _pooled(model: Any, tokens: list[list[int]], special: list[list[int]]) -> Vectors:
    """The mean state of each text's tokens that are not special; zeros if it has none."""
    import torch

    device = next(model.parameters()).device
    there = _padded([[1] * len(one) for one in tokens], device)
    wanted = there * (1 - _padded(special, device))
    with torch.inference_mode():
        # Padding stands behind, where a causal model does not look.
        states = model(
            input_ids=_padded(tokens, device), attention_mask=there, use_cache=False
        ).last_hidden_state.float()
    total = (states * wanted[..., None]).sum(dim=1)
    means: Vectors = (total / wanted.sum(dim=1, keepdim=True).clamp(min=1)).cpu().numpy()
    return means


def _padded(rows: list[list[int]], device: "torch.device") -> "torch.Tensor":
    import torch

    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=device)
