"""TRL's SFTTrainer, following a plan, with checkpoints that are whole or absent."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from planning import Plan, Sampler
from preflight import Stop
from safetensors import SafetensorError
from transformers import PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTTrainer

UNFINISHED = ".unfinished"


class StudentTrainer(SFTTrainer):
    """SFTTrainer, following a plan."""

    def __init__(self, *, plan: Plan, **options: Any) -> None:
        self.plan = plan
        self._staging: Path | None = None
        super().__init__(**options)
        self.remove_callback(ProgressCallback)
        self.remove_callback(PrinterCallback)
        self.add_callback(Progress(plan))

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler:
        return Sampler(
            self.train_dataset.with_format("numpy")["length"][:].tolist(),
            steps=self.plan.steps_per_epoch,
            processes=self.plan.processes,
            accumulation=self.plan.accumulation,
            seed=self.args.seed,
            rank=self.args.process_index,
            epoch_now=lambda: int(self.state.epoch or 0),
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log with tokens a second, and the tokens of the whole run: TRL counts anew on resume."""
        step, seen = self.state.global_step, self.plan.tokens_by_step
        if "loss" in logs and start_time is not None:
            before = seen[self._initial_global_step - 1] if self._initial_global_step else 0
            spent = time.time() - start_time
            logs["tokens_per_second"] = round(float(seen[step - 1] - before) / spent, 1)
            self._metrics["train"]["num_tokens"] = [int(seen[step - 1])]
        super().log(logs, start_time)

    def create_model_card(self, *args: Any, **options: Any) -> None:
        """Nothing: our card is written at the end, from what was recorded."""

    # Checkpoints: whole, or absent

    def _get_output_dir(self, trial: Any) -> str:
        return str(self._staging or self.args.output_dir)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save beside the checkpoints, then rename; only then remove an older one."""
        name = f"checkpoint-{self.state.global_step}"
        out = Path(self.args.output_dir)
        staging = self._stage()
        self._staging = staging
        try:
            self._or_say_that_the_disk_is_full(
                lambda: super(StudentTrainer, self)._save_checkpoint(model, trial)
            )
        finally:
            self._staging = None
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            settle(staging / name, out / name)
            limit = self.args.save_total_limit or 0
            if limit > 0:
                for old in checkpoints(out)[:-limit]:
                    old.replace(staging / old.name)
            shutil.rmtree(staging)
        self.accelerator.wait_for_everyone()

    def save_student(self) -> None:
        """Write the trained student into the output folder, file by file, each whole."""
        staging = self._stage()
        self._or_say_that_the_disk_is_full(lambda: self.save_model(str(staging)))
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            for path in staging.iterdir():
                settle(path, Path(self.args.output_dir) / path.name)
            shutil.rmtree(staging)
        self.accelerator.wait_for_everyone()

    def _stage(self) -> Path:
        staging = Path(self.args.output_dir) / UNFINISHED
        if self.args.should_save:
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        return staging

    def _or_say_that_the_disk_is_full(self, save: Callable[[], None]) -> None:
        """Save; torch and safetensors have words of their own for a full disk."""
        out = Path(self.args.output_dir)
        try:
            save()
        except (OSError, RuntimeError, SafetensorError) as error:
            written = size_of(out / UNFINISHED)
            if shutil.disk_usage(out).free > max(written, 1 << 20):
                raise
            shutil.rmtree(out / UNFINISHED, ignore_errors=True)
            last = get_last_checkpoint(str(out))
            kept = f"{Path(last).name} is kept" if last else "there is no checkpoint yet"
            raise Stop(
                f"no room to save in {out}: {kept}. Make room, then start the same command again: "
                "it goes on from there"
            ) from error


class Progress(TrainerCallback):
    """A line each time something is logged: loss, tokens a second, time left."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        """Print the line."""
        if not state.is_world_process_zero or "tokens_per_second" not in logs:
            return
        seen, speed = self.plan.tokens_by_step, logs["tokens_per_second"]
        left = float(seen[-1] - seen[state.global_step - 1]) / max(speed, 0.1)
        print(
            f"step {state.global_step:,} of {self.plan.steps:,}  loss {logs['loss']:.4f}  "
            f"{speed:,.0f} tokens/s  {clock(left)} left",
            flush=True,
        )


def clock(seconds: float) -> str:
    """``95`` seconds as ``1:35``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, the oldest first."""
    return sorted(
        (p for p in folder.glob("checkpoint-*") if p.name.split("-")[1].isdigit()),
        key=lambda path: int(path.name.split("-")[1]),
    )


def settle(source: Path, target: Path) -> None:
    """Give what is written its name, once it is on the disk."""
    for path in [*source.rglob("*"), source]:
        flags = os.O_RDONLY
        handle = os.open(path, flags)
        os.fsync(handle)
        os.close(handle)
    if target.is_dir():
        shutil.rmtree(target)
    source.replace(target)
    handle = os.open(target.parent, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
