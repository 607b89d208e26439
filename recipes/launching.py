"""How a run begins: options read, processes counted, an interrupted run found again."""

from __future__ import annotations

import difflib
import importlib.util
import json
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from preflight import Stop

if TYPE_CHECKING:
    from opening import Base, Source
    from planning import Plan

RECORD = "run.json"
"""In the output folder: what is trained, by which a resume knows its own run."""

SETTINGS = (
    *("learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay", "optim", "adam_beta1"),
    *("adam_beta2", "adam_epsilon", "max_grad_norm", "max_length", "seed", "bf16", "fp16"),
    *("loss_type", "padding_free"),
)
"""The training arguments that decide what comes out."""


def with_recipe(words: Sequence[str], default: Path) -> list[str]:
    """The words of the command line; with this recipe if they name neither one nor a student."""
    if any(word.split("=")[0] in ("--config", "--model_name_or_path") for word in words):
        return list(words)
    return ["--config", os.path.relpath(default), *words]


def parse(options: type, words: Sequence[str]) -> tuple[Any, Any, Any]:
    """The options of a script, TRL's SFTConfig and ModelConfig, from a recipe and the command line.

    Raises:
        Stop: the recipe cannot be read, or this machine cannot do what it says.
    """
    import torch
    from trl import ModelConfig, SFTConfig, TrlParser

    # TRL sets the older name of this option itself.
    warnings.filterwarnings("ignore", message="`gradient_checkpointing` is deprecated")
    if not sys.stderr.isatty():
        hide_bars()
    parser = TrlParser((options, SFTConfig, ModelConfig), allow_abbrev=False)
    parser.error = refuse  # argparse would print two hundred lines of usage first
    recipe: dict[str, Any] = {}
    if "--config" in words:
        path = Path(words[min(words.index("--config") + 1, len(words) - 1)])
        recipe = read_recipe(path, {action.dest for action in parser._actions})
    # Nothing is computed by a preflight, so a recipe for a GPU may be looked at without one.
    only_look = "--preflight" in words and not torch.cuda.is_available()
    try:
        script, training, model = parser.parse_args_and_config(
            [*words, "--bf16", "false"] if only_look else words
        )
    except ValueError as error:
        if "bf16" in str(error):
            raise Stop("bf16 needs a GPU, and this machine has none: --bf16 false") from error
        raise Stop(str(error)) from error
    if training.hub_token is not None:
        raise Stop("a token belongs into the variable HF_TOKEN: recipe and command are published")
    if only_look:
        training.bf16 = bool(recipe.get("bf16", True))
        return script, training, model
    if training.bf16 and training.device.type == "cpu" and not _cpu_has_bf16():
        raise Stop("this processor cannot compute in bf16: --bf16 false")
    if model.model_name_or_path is None:
        raise Stop("no student is named: --model_name_or_path FOLDER_OR_HUB_ID, or --config RECIPE")
    if training.packing:
        raise Stop("packing cuts traces and changes how many make a step; use --padding_free true")
    if training.max_length is None:
        raise Stop("max_length is needed: a trace that is longer is left out and counted")
    for wanted, package in ((model.use_peft, "peft"), (model.load_in_4bit, "bitsandbytes")):
        if wanted and not installed(package):
            raise Stop(f"this recipe needs {package}: pip install {package}")
    return script, training, model


def refuse(message: str) -> NoReturn:
    """What argparse has to say of a word, as our error."""
    raise Stop(message)


def read_recipe(path: Path, known: set[str]) -> dict[str, Any]:
    """A recipe's options, every one of them known.

    Raises:
        Stop: it is not there, not YAML, or has a key that nobody knows.
    """
    import yaml

    if not path.is_file():
        near = sorted(p.as_posix() for p in Path(__file__).parent.glob("*/*.yaml"))
        near = [name for name in near if "accelerate_configs" not in name]
        raise Stop(f"there is no recipe {path}; these are: {', '.join(near)}")
    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise Stop(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(recipe, dict):
        raise Stop(f"{path} is not a recipe: it has to be a mapping of options to values")
    for key in set(recipe) - known - {"env"}:
        near = difflib.get_close_matches(str(key), known, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise Stop(f"{path}: unknown option {key!r}{hint}")
    return recipe


def installed(package: str) -> bool:
    """Whether a package is there, without importing it."""
    return importlib.util.find_spec(package) is not None


def hide_bars() -> None:
    """No progress bars in a file; the lines of a run are printed anyway."""
    import datasets
    from transformers.utils import logging

    datasets.disable_progress_bars()
    logging.disable_progress_bar()


def _cpu_has_bf16() -> bool:
    import torch

    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def check_world(training: Any, *, processes: int | None) -> None:
    """Stop if fewer or other processes were started than were asked for.

    Raises:
        Stop: says what to start instead.
    """
    started = training.world_size
    if processes is not None and processes != started:
        raise Stop(f"{processes} processes are asked for, {started} started")
    # `accelerate launch` names a master for several processes, and on a CPU then starts one.
    if "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:
        raise Stop(
            "several processes were asked for, and one was started: on CPU `accelerate launch` "
            "does that. Use: ACCELERATE_USE_CPU=true torchrun --nproc_per_node N recipes/sft.py …"
        )
    if training.n_gpu > 1:
        raise Stop(
            f"one process sees {training.n_gpu} GPUs: start one for each, "
            f"accelerate launch --num_processes {training.n_gpu} recipes/sft.py …, or show it one: "
            "CUDA_VISIBLE_DEVICES=0"
        )
    for name in ("FSDP", "DEEPSPEED"):
        if wants(name) and training.device.type == "cpu":
            raise Stop(f"{name} is asked for, but there is no GPU")


def wants(name: str) -> bool:
    """Whether `accelerate launch` was told to shard the student this way."""
    return os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() in ("true", "1")


def check_sharding(accelerator: Any) -> None:
    """Stop if the student is not spread over the devices as it was asked for."""
    got = accelerator.distributed_type.value
    for name in ("FSDP", "DEEPSPEED"):
        if wants(name) and got != name:
            raise Stop(f"{name} is asked for, but training would run as {got}")


# An interrupted run


def settings_of(
    training: Any, model: Any, options: Any, source: Source, base: Base
) -> dict[str, Any]:
    """What decides the outcome of a run, as JSON has it."""
    told = {
        "student": base.name,
        "student_revision": base.revision,
        "data": source.name,
        "data_config": source.config,
        "data_fingerprint": source.fingerprint,
        **{
            name: getattr(options, name)
            for name in ("tokens_per_step", "match_steps", "match_tokens")
        },
        "epochs": training.num_train_epochs,
        **{name: getattr(training, name) for name in SETTINGS},
        "dtype": model.dtype,
        "adapter": f"LoRA, rank {model.lora_r}, alpha {model.lora_alpha}"
        if model.use_peft
        else None,
    }
    settings: dict[str, Any] = json.loads(json.dumps(told, default=str))
    return settings


def for_trainer(training: Any, model: Any, plan: Plan) -> Any:
    """The training arguments as the trainer is to have them."""
    training.model_init_kwargs = {
        "revision": model.model_revision,
        "attn_implementation": model.attn_implementation,
        "dtype": model.dtype,
        **(training.model_init_kwargs or {}),
    }
    training.max_steps = plan.steps
    training.gradient_accumulation_steps = plan.accumulation
    training.per_device_train_batch_size = max(
        1, round(plan.traces / (plan.processes * plan.accumulation))
    )
    training.max_length = None  # what is longer was left out; nothing is to be cut
    training.dataset_kwargs = {"skip_prepare_dataset": True}
    training.dataloader_pin_memory = training.device.type != "cpu"
    training.push_to_hub = False  # we push once, at the end
    if not training.report_to and installed("trackio") and "--report_to" not in sys.argv:
        training.report_to = ["trackio"]
    if training.project == "huggingface":  # the default of all trainers
        training.project = "naturalthoughts"
    training.run_name = training.run_name or Path(training.output_dir).name
    return training


def adapter(model: Any) -> Any:
    """The LoRA adapter that a recipe asks for, or None."""
    if not model.use_peft:
        return None
    from trl import get_peft_config

    return get_peft_config(model)


def quantization(model: Any) -> Any:
    """The quantization that a recipe asks for, or None."""
    if not (model.load_in_4bit or model.load_in_8bit):
        return None
    from trl import get_quantization_config

    return get_quantization_config(model)


def resume_from(out: Path, settings: dict[str, Any]) -> tuple[str | None, bool]:
    """The checkpoint to go on from, if any, and whether the run is over.

    Raises:
        Stop: the folder holds something else.
    """
    from transformers.trainer_utils import get_last_checkpoint

    record = out / RECORD
    last = get_last_checkpoint(str(out)) if out.is_dir() else None
    if not record.is_file():
        if last or (out / "model.safetensors").exists():
            raise Stop(
                f"{out} holds a student that this script did not train; use another --output_dir"
            )
        return None, False
    told = json.loads(record.read_text())
    if told["settings"] != settings:
        if not last and not told["finished"]:
            return None, False
        names = sorted({*told["settings"], *settings})
        other = [n for n in names if told["settings"].get(n) != settings.get(n)]
        raise Stop(
            f"{out} holds a run with other settings ("
            + "; ".join(
                f"{n}: {told['settings'].get(n)} there, {settings.get(n)} now" for n in other
            )
            + "); use another --output_dir, or remove it"
        )
    return last, told["finished"]


def write_record(out: Path, record: dict[str, Any]) -> None:
    """Write the record of a run, at once."""
    out.mkdir(parents=True, exist_ok=True)
    new = out / f"{RECORD}.new"
    new.write_text(json.dumps(record, indent=2, ensure_ascii=False))
    new.replace(out / RECORD)


def fail(error: Exception) -> None:
    """Say what is wrong, once, and leave with the exit code of a user's mistake."""
    if os.environ.get("RANK", "0") == "0":
        print(f"error: {error}", file=sys.stderr, flush=True)
    sys.exit(2)
