"""The student of an evaluation: what is known of it before its weights are loaded."""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import launching
import model_card
from preflight import Stop
from questions import Benchmark

if TYPE_CHECKING:
    from engines import Keep
    from lighteval.models.abstract_model import LightevalModel

PACKAGES = ("lighteval", "torch", "transformers", "accelerate", "math-verify", "vllm", "datasets")
WEIGHTS = ("*.safetensors", "*.bin")
CPU_BATCH, GPU_BATCH = 64, 256
"""Questions at once, at most; fewer where memory is short. Our choice."""


class Sampling(NamedTuple):
    """How the next token is drawn; at temperature 0 it is the likeliest one."""

    temperature: float
    top_p: float


class Student(NamedTuple):
    """What is evaluated, and with what."""

    name: str
    revision: str | None
    backend: str
    engine: str
    dtype: str
    device: str
    positions: int | None  # longest prompt and reply together
    sampling: Sampling
    batch_size: int | None
    versions: dict[str, str]
    options: argparse.Namespace

    def length(self, options: argparse.Namespace, benchmark: Benchmark) -> int:
        """The longest reply to a benchmark's questions."""
        wanted = options.max_new_tokens or benchmark.max_new_tokens
        return min(wanted, self.positions or wanted)

    def load(self, keep: Keep) -> LightevalModel:
        """Load it into its engine."""
        import engines

        return engines.load(self, keep)


def look(options: argparse.Namespace) -> Student:
    """Look at a student without loading it.

    Raises:
        Stop: it is none, or cannot be reached.
    """
    _check(options)
    name = options.model
    if options.backend == "endpoint":
        config, revision = {}, None
    elif Path(name).exists():
        config, revision = _folder(Path(name)), fingerprint(Path(name))
    else:
        config, revision = _hub(name, options.revision)
    qwen = "qwen" in str(config.get("model_type", name)).lower()
    sampling = Sampling(
        (0.7 if qwen else 0.6) if options.temperature is None else options.temperature,
        (1.0 if qwen else 0.95) if options.top_p is None else options.top_p,
    )
    if sampling.temperature == 0:
        if (options.seeds or 1) > 1:
            raise Stop("at temperature 0 all seeds give the same replies: --seeds 1")
        options.seeds = 1
    if options.backend == "endpoint":
        dtype, device, batch = "unknown", options.base_url, options.requests
    else:
        dtype, device = _device(options, config)
        batch = options.batch_size or _batch(options, config)
    text = config.get("text_config") or config
    positions = next(
        (text[key] for key in ("max_position_embeddings", "n_positions") if text.get(key)), None
    )
    return Student(
        name=name,
        revision=revision,
        backend=options.backend,
        engine=f"lighteval, {options.backend}",
        dtype=dtype,
        device=device,
        positions=positions,
        sampling=sampling,
        batch_size=batch,
        versions=model_card.versions(PACKAGES),
        options=options,
    )


def _check(options: argparse.Namespace) -> None:
    """What is wrong with the options alone."""
    for name in ("seeds", "max_samples", "max_new_tokens", "batch_size", "requests"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise Stop(f"--{name.replace('_', '-')} {value}: 1 or more")
    if options.temperature is not None and not 0 <= options.temperature <= 2:
        raise Stop(f"--temperature {options.temperature}: 0 to 2")
    if options.top_p is not None and not 0 < options.top_p <= 1:
        raise Stop(f"--top-p {options.top_p}: above 0, up to 1")
    if options.backend == "vllm" and not launching.installed("vllm"):
        raise Stop(
            "--backend vllm needs vLLM: pip install 'lighteval[vllm]==0.13.0', in an environment "
            "of its own, since that wants an older torch"
        )
    if (options.backend == "endpoint") != bool(options.base_url):
        raise Stop("--backend endpoint and --base-url http://HOST:PORT/v1 belong together")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise Stop(
            "several processes were started; start one: it uses all GPUs that it sees, and "
            "--backend vllm uses them faster"
        )


def _folder(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise Stop(f"--model {path} is a file; a student is a folder with config.json and weights")
    if (path / "adapter_config.json").is_file() and not (path / "config.json").is_file():
        raise Stop(
            f"--model {path} is an adapter; merge it into its base first (peft's merge_and_unload)"
        )
    if not (path / "config.json").is_file():
        there = ", ".join(sorted(file.name for file in path.iterdir())[:6]) or "nothing"
        raise Stop(f"--model {path} is no student: it has no config.json; there is {there}")
    if not any(file for kind in WEIGHTS for file in path.glob(kind)):
        raise Stop(f"--model {path} is no student: it has no weights ({', '.join(WEIGHTS)})")
    if not any((path / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
        raise Stop(f"--model {path} is no student: it has no tokenizer")
    try:
        config: dict[str, Any] = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Stop(f"--model {path}: config.json is not JSON: {error}") from error
    return config


def _hub(name: str, revision: str | None) -> tuple[dict[str, Any], str | None]:
    from transformers import AutoConfig

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise Stop(
            f"--model {name}: there is no such folder, and it is no id on the Hub (ORG/NAME)"
        )
    try:
        config = AutoConfig.from_pretrained(name, revision=revision)
    except (OSError, ValueError) as error:
        told = " ".join(str(error).split())[:300]
        raise Stop(f"--model {name}: there is no such folder, and the Hub says: {told}") from error
    return config.to_dict(), getattr(config, "_commit_hash", None)


def fingerprint(folder: Path, *, chunk: int = 1 << 20, chunks: int = 64) -> str:
    """A hash of a student: its small files, and samples of its weights."""
    import xxhash

    told = xxhash.xxh3_64()
    names = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
    for path in (folder / name for name in names):
        told.update(path.read_bytes() if path.is_file() else b"-")
    for path in sorted(file for kind in WEIGHTS for file in folder.glob(kind)):
        size = path.stat().st_size
        told.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            for place in range(0, size, max(chunk, size // chunks)):
                file.seek(place)
                told.update(file.read(chunk))
    return told.hexdigest()


def _device(options: argparse.Namespace, config: dict[str, Any]) -> tuple[str, str]:
    import torch

    gpu = torch.cuda.is_available()
    stored = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    dtype = options.dtype if options.dtype != "auto" else stored if gpu else "float32"
    return dtype.removeprefix("torch."), model_card.hardware(1)


def _batch(options: argparse.Namespace, config: dict[str, Any]) -> int:
    """Questions at once: as many as the keys and values of whole replies have room for."""
    import torch

    gpu = torch.cuda.is_available()
    text = config.get("text_config") or config
    heads = text.get("num_key_value_heads") or text.get("num_attention_heads") or 1
    width = text.get("head_dim") or text.get("hidden_size", 0) // text.get("num_attention_heads", 1)
    per_token = 2 * (2 if gpu else 4) * text.get("num_hidden_layers", 1) * heads * max(width, 1)
    tokens = min(options.max_new_tokens or 16_384, text.get("max_position_embeddings") or 16_384)
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = torch.cuda.mem_get_info()[0] if gpu else pages
    room = 0.5 * free / (per_token * (tokens + 1024))  # the other half: weights, activations
    return int(min(GPU_BATCH if gpu else CPU_BATCH, max(1, room)))
