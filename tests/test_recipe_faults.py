"""Training that is killed, a disk that is full, more than one process."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from recipe_runs import Sft, losses_of, record_of
from safetensors.torch import load_file

# On one worker, which trains the student that they share once.
pytestmark = pytest.mark.xdist_group("faults")

EVERY_TWO = ("--save_strategy", "steps", "--save_steps", 2, "--save_total_limit", 2)


def weights_are_equal(one: Path, other: Path) -> bool:
    a, b = (load_file(folder / "model.safetensors") for folder in (one, other))
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


@pytest.fixture(scope="session")
def undisturbed(sft: Sft, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    sft("--output_dir", out, *EVERY_TWO)
    return out


def kill_at(sft: Sft, out: Path, step: int) -> None:
    """Start training, and kill it once it has told of a step."""
    with sft("--output_dir", out, *EVERY_TWO, wait=False) as process:
        for line in process.stdout:
            if line.startswith(f"step {step} of"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL


def check_resumed(sft: Sft, out: Path, undisturbed: Path) -> None:
    sft("--output_dir", out, *EVERY_TWO)
    assert losses_of(out) == losses_of(undisturbed)
    assert weights_are_equal(out, undisturbed)
    names = sorted(path.name for path in out.glob("checkpoint-*"))
    assert names == sorted(path.name for path in undisturbed.glob("checkpoint-*"))
    tokens = [[line["num_tokens"] for line in record_of(folder)["history"] if "loss" in line]
              for folder in (out, undisturbed)]  # fmt: skip
    assert tokens[0] == tokens[1]


def test_killed_in_the_second_epoch_training_goes_on_as_if_nothing_was(
    sft: Sft, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    steps = record_of(undisturbed)["steps"]
    kill_at(sft, out, steps // 2 + 2)
    # and as if it had been killed while it saved, too
    (out / ".unfinished" / f"checkpoint-{steps}").mkdir(parents=True)
    (out / ".unfinished" / f"checkpoint-{steps}" / "model.safetensors").write_bytes(b"half")
    check_resumed(sft, out, undisturbed)
    assert not (out / ".unfinished").exists()


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 3, 5, 7])
def test_killed_at_any_step(sft: Sft, undisturbed: Path, tmp_path: Path, step: int) -> None:
    kill_at(sft, tmp_path / "out", step)
    check_resumed(sft, tmp_path / "out", undisturbed)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_keeps_the_last_checkpoint(sft: Sft, undisturbed: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    checkpoint = next(undisturbed.glob("checkpoint-*"))
    size = sum(path.stat().st_size for path in checkpoint.rglob("*"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={int(size * 1.6)}", "tmpfs", disk],
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        full = sft("--output_dir", disk / "out", *EVERY_TWO, check=False)
        assert full.returncode == 2, full.stdout + full.stderr
        assert "checkpoint-2 is kept" in full.stderr
        assert "Traceback" not in full.stderr
        assert [path.name for path in (disk / "out").glob("checkpoint-*")] == ["checkpoint-2"]
        assert not (disk / "out" / ".unfinished").exists()
        # On a disk with room, the same command goes on from there.
        shutil.copytree(disk / "out", tmp_path / "out")
    finally:
        subprocess.run(["umount", disk], check=True)
    check_resumed(sft, tmp_path / "out", undisturbed)


# More than one process

TWO = (sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "0",
       "--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0")  # fmt: skip


def test_two_processes_give_the_losses_of_one(sft: Sft, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = sft("--output_dir", out, "--processes", 2, launcher=TWO, ACCELERATE_USE_CPU="true")
    assert said.stdout.count("rows are trained on") == 1
    assert "2 processes with" in said.stdout
    one, two = losses_of(undisturbed), losses_of(out)
    assert len(one) == len(two) > 4
    assert max(abs(a - b) for a, b in zip(one, two, strict=True)) < 1e-5
    assert record_of(out)["tokens_seen"] == record_of(undisturbed)["tokens_seen"]


@pytest.mark.slow
def test_without_padding_losses_are_the_same(sft: Sft, undisturbed: Path, tmp_path: Path) -> None:
    sft("--output_dir", tmp_path / "out", "--padding_free", "true")
    assert record_of(tmp_path / "out")["padding"] == 0 < record_of(undisturbed)["padding"]
    pairs = zip(losses_of(undisturbed), losses_of(tmp_path / "out"), strict=True)
    # float32 has seven digits, and other kernels add in another order
    assert all(a == pytest.approx(b, rel=1e-5) for a, b in pairs)


@pytest.mark.slow
def test_two_processes_killed_and_resumed(sft: Sft, undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    steps = record_of(undisturbed)["steps"]
    options = ("--output_dir", out, *EVERY_TWO)
    with sft(*options, launcher=TWO, ACCELERATE_USE_CPU="true", wait=False) as process:
        for line in process.stdout:
            if line.startswith(f"step {steps // 2 + 2} of"):
                os.killpg(process.pid, signal.SIGKILL)
                break
    sft(*options, launcher=TWO, ACCELERATE_USE_CPU="true")
    pairs = zip(losses_of(undisturbed), losses_of(out), strict=True)
    assert max(abs(a - b) for a, b in pairs) < 1e-5


def test_two_processes_asked_for_and_one_started_is_an_error(sft: Sft, tmp_path: Path) -> None:
    launcher = (sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2")
    done = sft("--output_dir", tmp_path / "out", launcher=launcher, check=False)
    assert done.returncode != 0
    assert "several processes were asked for, and one was started" in done.stderr
    assert not (tmp_path / "out").exists()
