"""recipes/sft.py from end to end, each time as a process of its own, as a user starts it."""

import json
from pathlib import Path

import pytest
from recipe_runs import Sft, losses_of, record_of
from safetensors.torch import load_file

# On one worker, which trains the student that they share once.
pytestmark = pytest.mark.xdist_group("student")


def test_a_student_is_trained_and_learns(trained: tuple[Path, str], student: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out, said = trained
    losses = losses_of(out)
    assert losses[-1] < losses[0] - 0.5
    assert len(losses) == record_of(out)["steps"]
    before, after = (load_file(folder / "model.safetensors") for folder in (student, out))
    assert all((before[name] != after[name]).any() for name in before)
    AutoModelForCausalLM.from_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert tokenizer.chat_template == AutoTokenizer.from_pretrained(student).chat_template
    assert "tokens/s" in said
    assert " left\n" in said
    assert not list(out.glob(".unfinished"))


def test_the_card_says_what_was_recorded(trained: tuple[Path, str], release: Path) -> None:
    from huggingface_hub import ModelCard

    out, _ = trained
    record = record_of(out)
    card = (out / "README.md").read_text()
    ModelCard(card)
    manifest = json.loads((release / "manifest.json").read_text())
    (entry,) = (c for c in manifest["configs"] if c["name"] == "mix-p40-96")
    for fact in (
        entry["rule"],
        "Trained on synthetic data",
        f"{record['tokens_seen']:,} in {record['steps']:,} steps",
        "`learning_rate`: 0.01",
        "The data: apache-2.0",
        "not known here",  # the base has no card, so no licence is made up
        "accelerate launch recipes/sft.py --config",
        "lr_scheduler_type: constant",  # the recipe
        "![The loss",
        *(f"| {loss:.4f} |" for loss in losses_of(out)[:1]),
    ):
        assert fact in card, fact
    for package in ("torch", "transformers", "trl", "accelerate"):
        assert f"{package} {record['versions'][package]}" in card


def test_the_same_command_again_does_nothing(trained: tuple[Path, str], sft: Sft) -> None:
    out, _ = trained
    before = (out / "model.safetensors").stat().st_mtime_ns
    again = sft("--output_dir", out)
    assert "holds this student already" in again.stdout
    assert (out / "model.safetensors").stat().st_mtime_ns == before


def test_other_settings_do_not_overwrite_a_student(trained: tuple[Path, str], sft: Sft) -> None:
    out, _ = trained
    refused = sft("--output_dir", out, "--learning_rate", "1e-3", check=False)
    assert refused.returncode == 2
    assert "learning_rate: 0.01 there, 0.001 now" in refused.stderr


def test_preflight_trains_nothing_and_shows_what_would_be(sft: Sft, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = sft("--output_dir", out, "--preflight").stdout
    assert "96 of 96 rows are trained on" in said
    assert "[[The answer is" in said
    assert [path.name for path in out.iterdir()] == ["preflight.html"]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")  # in peft
def test_an_adapter_is_trained_and_can_be_loaded(sft: Sft, student: Path, tmp_path: Path) -> None:
    import torch
    from peft import AutoPeftModelForCausalLM

    out = tmp_path / "adapter"
    lora = ("--use_peft", "true", "--lora_r", 4, "--lora_target_modules", "all-linear")
    sft("--output_dir", out, "--max_steps", 3, *lora)
    weights = load_file(out / "adapter_model.safetensors")
    assert sum(tensor.numel() for tensor in weights.values()) < 100_000
    assert any("lora_B" in name and tensor.any() for name, tensor in weights.items())
    model = AutoPeftModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    base = load_file(student / "model.safetensors")["model.embed_tokens.weight"]
    assert torch.equal(model.get_input_embeddings().weight, base)
    assert "LoRA" in (out / "README.md").read_text()
