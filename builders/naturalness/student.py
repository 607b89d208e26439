"""The student, as it is before its training: tokenizer, template, weights.

It is loaded by transformers, from a folder or from the Hub. No code of its repository is run.
"""

import hashlib
import inspect
from pathlib import Path
from typing import Any, NamedTuple

from builders.errors import BadOption

_FULL = {"full_attention", "sliding_attention"}


class Student(NamedTuple):
    """A loaded student, and what its scores depend on."""

    name: str
    revision: str | None
    template: str
    dtype: str
    context: int
    tokenizer: Any
    model: Any


def load_student(
    name: str, *, revision: str | None = None, dtype: str = "auto", device: str | None = None
) -> Student:
    """Load a student.

    Args:
        name: a folder, or an id on the Hub.
        revision: the commit on the Hub; by default the newest.
        dtype: of the weights; `auto` is bfloat16 on a GPU and float32 elsewhere.
        device: where it runs; by default the GPU if there is one.

    Raises:
        BadOption: it cannot be loaded or scored with; the message says why.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise BadOption(
            f"nt annotate naturalness runs a model, which needs {error.name}: "
            "pip install 'naturalthoughts[train]'"
        ) from error
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if dtype == "auto":
        dtype = "bfloat16" if place.type == "cuda" else "float32"
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        config = transformers.AutoConfig.from_pretrained(name, revision=revision)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, revision=revision)
    except (OSError, ValueError, ImportError) as error:
        raise BadOption(f"--student {name}: {_first_line(error)}") from error
    context = _context(name, config)
    _check_tokenizer(name, tokenizer)
    try:
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            name, revision=revision, dtype=getattr(torch, dtype)
        )
    except (OSError, ValueError, ImportError) as error:
        raise BadOption(f"--student {name}: {_first_line(error)}") from error
    if "position_ids" not in inspect.signature(model.forward).parameters:
        raise BadOption(
            f"--student {name}: {type(model).__name__} takes no positions, so steps cannot be left "
            "out of what it sees"
        )
    try:
        model = model.to(place).eval()
    except RuntimeError as error:
        raise BadOption(f"--device {device}: {_first_line(error)}") from error
    template = hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()[:16]
    commit = getattr(config, "_commit_hash", None) or _fingerprint(Path(name))
    return Student(Path(name).name if Path(name).is_dir() else name, commit, template, dtype,
                   context, tokenizer, model)  # fmt: skip


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _check_tokenizer(name: str, tokenizer: Any) -> None:
    if not tokenizer.is_fast:
        raise BadOption(
            f"--student {name}: its tokenizer, {type(tokenizer).__name__}, does not tell to which "
            "characters a token belongs; save a fast one (tokenizer.json) beside it"
        )
    if not tokenizer.chat_template:
        raise BadOption(
            f"--student {name}: has no chat template, so it is not known how it is asked; take its "
            "instruct version, or save a chat_template.jinja beside it"
        )


def _context(name: str, config: Any) -> int:
    """How many tokens the student takes in the way in which it takes the first ones."""
    text = config.get_text_config(decoder=True)
    if other := set(getattr(text, "layer_types", None) or ()) - _FULL:
        raise BadOption(
            f"--student {name}: has layers of {', '.join(sorted(other))}, which remember what a "
            "window leaves out; students with attention in every layer can be scored with"
        )
    limits = [getattr(text, "max_position_embeddings", None)]
    # Beyond these lengths what a token attends to, or its position, depends on the whole length.
    if getattr(text, "use_sliding_window", True):
        limits.append(getattr(text, "sliding_window", None))
    rope = getattr(text, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("dynamic", "longrope"):
        limits.append(
            rope.get("original_max_position_embeddings")
            or getattr(text, "original_max_position_embeddings", None)
        )
    found = [limit for limit in limits if isinstance(limit, int) and limit > 0]
    if not found:
        raise BadOption(f"--student {name}: its config.json does not say how much it can read")
    return min(found)


def _fingerprint(folder: Path) -> str | None:
    """A hash of a local student's files, as far as they decide about its scores."""
    if not folder.is_dir():
        return None
    hashed = hashlib.sha256()
    for pattern in ("config.json", "tokenizer*", "chat_template*", "*.safetensors", "*.bin"):
        for path in sorted(folder.glob(pattern)):
            hashed.update(path.name.encode())
            with path.open("rb") as file:
                hashed.update(hashlib.file_digest(file, "sha256").digest())
    return f"file-{hashed.hexdigest()[:16]}"
