"""What a recipe needs, by calculation: memory of one device, and hours.

    python recipes/needs.py        # the table of recipes/README.md

Memory is weights, gradients and optimizer, shared by the devices where they are sharded, and the
activations of one micro-batch. Hours are 6 FLOPs a parameter and token, 8 with checkpointing, which
computes the forward pass twice, and the attention's share on top. Both are estimates: they say
whether a run fits at all, not to the last gigabyte.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from preflight import Finding

PEAK = 989e12
"""Dense bf16 FLOPs a second of an H100 or H200, by NVIDIA's data sheet."""
USED = 0.4
"""The share of it that training reaches; our assumption, not measured."""
TRACE_TOKENS = 6_000
"""Tokens of a trace with its question; our assumption for the tables."""


class Student(NamedTuple):
    """What the calculation needs to know of a student."""

    parameters: int
    layers: int
    width: int
    vocabulary: int
    trained: int  # parameters that are trained; all, or those of an adapter


class Memory(NamedTuple):
    """Bytes of one device."""

    weights: float
    training: float  # gradients, and Adam's two moments
    activations: float

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)


def student_of(config: Any, *, lora_rank: int | None = None) -> Student:
    """Count the parameters of a student from its config; no weights are loaded."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    parameters = sum(weight.numel() for weight in model.parameters())
    trained = parameters
    if lora_rank is not None:
        linear = [m for m in model.model.modules() if isinstance(m, torch.nn.Linear)]
        trained = lora_rank * sum(m.in_features + m.out_features for m in linear)
    text = config.get_text_config()
    return Student(parameters, text.num_hidden_layers, text.hidden_size, text.vocab_size, trained)


def memory(
    student: Student,
    *,
    tokens: int,
    weight_bytes: int = 4,
    activation_bytes: int = 2,
    checkpointing: bool = True,
    shards: int = 1,
) -> Memory:
    """Memory of one device for a micro-batch of so many tokens.

    With checkpointing each layer keeps its input, and one layer at a time all that it computes:
    about 34 values a token and unit of width (Korthikanti et al., 2022, without the attention's
    matrix). TRL computes the logits of a few tokens at a time, so they do not count.
    """
    one_layer = 34 * student.width
    kept = student.layers * student.width if checkpointing else student.layers * one_layer
    return Memory(
        weights=student.parameters * weight_bytes / shards,
        training=student.trained * 3 * max(weight_bytes, 4 if _is_adapter(student) else 0) / shards,
        activations=tokens * (kept + one_layer * checkpointing) * activation_bytes,
    )


def hours(
    student: Student,
    *,
    tokens: float,
    devices: int,
    length: int = TRACE_TOKENS,
    checkpointing: bool = True,
    peak: float = PEAK,
    used: float = USED,
) -> float:
    """Hours of training on so many tokens, in traces of this length."""
    passes = 4 if checkpointing else 3  # forward, backward is two, forward again
    if _is_adapter(student):
        passes -= 1  # no gradients of the weights
    attention = 2 * student.layers * student.width * length  # causal: half of 4 L d n
    flops = passes * (2 * student.parameters + attention) * tokens
    return flops / (peak * used * devices) / 3600


def judge(
    config: Any, training: Any, model: Any, *, tokens: int, gigabytes: float | None
) -> tuple[str, list[Finding]]:
    """The estimate in words, and what to change if it does not fit the device."""
    from launching import wants

    student = student_of(config, lora_rank=model.lora_r if model.use_peft else None)
    need = memory(
        student,
        tokens=tokens,
        weight_bytes=2 if model.dtype in ("bfloat16", "float16") else 4,
        activation_bytes=2 if training.bf16 or training.fp16 else 4,
        checkpointing=training.gradient_checkpointing,
        shards=training.world_size if wants("FSDP") or wants("DEEPSPEED") else 1,
    )
    on_cpu = training.device.type == "cpu"
    room = (
        gigabytes * 1e9
        if gigabytes
        else device_memory(on_cpu) / (training.world_size if on_cpu else 1)
    )
    told = (
        f"memory of one device, estimated: {need.total / 1e9:.1f} GB (weights "
        f"{need.weights / 1e9:.1f}, gradients and optimizer {need.training / 1e9:.1f}, activations "
        f"{need.activations / 1e9:.1f}); it has {room / 1e9:.1f} GB free"
    )
    if need.total <= room:
        return told, []
    changes = []
    if need.activations > room / 2:
        changes.append("a smaller --tokens_per_device or --max_length")
        if not training.gradient_checkpointing:
            changes.append("--gradient_checkpointing true")
    if need.weights + need.training > room / 2:
        changes.append("more devices that share the student (accelerate_configs/fsdp2.yaml)")
        if not model.use_peft:
            changes.append("an adapter (--use_peft --dtype bfloat16)")
    wanted = f"{need.total / 1e9:.1f} GB are needed and {room / 1e9:.1f} GB free"
    return told, [
        Finding("stop", f"the device is too small: {wanted}; try {', or '.join(changes)}")
    ]


def device_memory(on_cpu: bool) -> float:
    """Bytes that this device has free."""
    import psutil
    import torch

    if on_cpu or not torch.cuda.is_available():
        return float(psutil.virtual_memory().available)
    return float(torch.cuda.mem_get_info()[0])


def _is_adapter(student: Student) -> bool:
    return student.trained < student.parameters


# The table of recipes/README.md

LLAMA_8B = Student(8_030_261_248, 32, 4096, 128_256, 8_030_261_248)
QWEN_7B = Student(7_615_616_512, 28, 3584, 152_064, 7_615_616_512)
LLAMA_70B = Student(70_553_706_496, 80, 8192, 128_256, 70_553_706_496)
SMOLLM_135M = Student(134_515_008, 30, 576, 49_152, 134_515_008)
STUDENTS = {
    "llama-3.1-8b": LLAMA_8B,
    "qwen2.5-7b": QWEN_7B,
    "llama-3.3-70b": LLAMA_70B,
    "smollm2-135m": SMOLLM_135M,
}
"""Sizes as the students' configs give them."""
GPUS = {"llama-3.1-8b": 8, "qwen2.5-7b": 8, "llama-3.3-70b": 32, "smollm2-135m": 1}
SCORES = {  # GPQA-Diamond, MATH-500; the paper gives tables for this student only
    "llama-3.1-8b/random-1k": "37.1, 57.8",
    "llama-3.1-8b/random-10k": "37.6, 61.3",
    "llama-3.1-8b/disagree-10k": "39.7, 61.9",
    "llama-3.1-8b/strategies-10k": "38.8, –",
    "llama-3.1-8b/mix-difficulty-10k": "38.9 when asked to think, –",
    "llama-3.1-8b/random-100k": "42.5, 67.5",
    "llama-3.1-8b/disagree-100k": "45.2, 70.2",
    "llama-3.1-8b/strategies-100k": "44.1, –",
    "llama-3.1-8b/random-500k": "48.3, 72.3",
    "llama-3.1-8b/disagree-500k": "45.2, 70.8",
}


def rows_of(config: str) -> int:
    """``disagree-10k`` to 10,000."""
    size = config.rsplit("-", 1)[1]
    return int(size.removesuffix("k")) * (1000 if size.endswith("k") else 1)


def table() -> str:
    """One line a recipe, as Markdown."""
    import yaml

    here = Path(__file__).parent
    lines = [
        "| recipe | GPUs | GB a GPU | hours | the paper: GPQA-D, MATH-500 |",
        "|---|---:|---:|---:|---|",
    ]
    for path in sorted(here.glob("*/*.yaml")):
        name = path.relative_to(here).with_suffix("").as_posix()
        if path.parent.name not in STUDENTS:
            continue
        recipe = yaml.safe_load(path.read_text())
        student, gpus = STUDENTS[path.parent.name], GPUS[path.parent.name]
        if lora := recipe.get("use_peft", False):
            gpus = 1
            # rank x (in + out) of every linear layer, which is about 1.3% of the weights at rank 64
            student = student._replace(
                trained=int(student.parameters * 0.013 * recipe["lora_r"] / 64)
            )
        weight_bytes = 2 if recipe.get("dtype") == "bfloat16" else 4
        need = memory(
            student,
            tokens=recipe["tokens_per_device"],
            weight_bytes=weight_bytes,
            shards=1 if lora else gpus,
        )
        tokens = rows_of(recipe["dataset_config"]) * TRACE_TOKENS * recipe["num_train_epochs"]
        time = hours(student, tokens=tokens, devices=gpus)
        lines.append(
            f"| `{name}` | {gpus} | {need.total / 1e9:.0f} | {time:,.1f} | {SCORES.get(name, '')} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
