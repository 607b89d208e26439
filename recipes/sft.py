"""Train a student on a config of a release: supervised fine-tuning on its reasoning and answers.

    accelerate launch recipes/sft.py                         # the demo recipe; options change it
    accelerate launch recipes/sft.py --config recipes/qwen2.5-7b/disagree-10k.yaml
    accelerate launch --config_file recipes/accelerate_configs/fsdp2.yaml recipes/sft.py --config …
    python recipes/sft.py --config … --preflight              # looks, trains nothing

A recipe is a YAML of the options below, of TRL's SFTConfig and of its ModelConfig; the command line
overrides it. Start the same command again after a crash, and it goes on from its last checkpoint.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import launching
import model_card
import needs
import preflight
import report
from opening import open_release, open_student
from planning import make_plan
from preflight import Stop

DEMO = Path(__file__).parent / "demo" / "mix-p40.yaml"


def option(default: object, words: str) -> object:
    """A field that `--help` explains."""
    return field(default=default, metadata={"help": words})


@dataclass
class Options:
    """What to train on, and for how long."""

    dataset_name: str = option("nt", "a release: a folder, or a data set on the Hub")
    dataset_config: str | None = option(None, "a config of it: disagree-10k")
    dataset_revision: str | None = option(None, "its tag or commit on the Hub")
    tokens_per_step: int = option(400_000, "tokens of a step, whatever the number of processes")
    tokens_per_device: int = option(16_384, "tokens that a device computes at once, about")
    match_steps: int | None = option(None, "train for so many steps, whatever the epochs")
    match_tokens: int | None = option(None, "train until so many tokens were seen")
    preflight: bool = option(False, "look, and train nothing")
    examples: int = option(2, "examples that preflight shows")
    processes: int | None = option(None, "stop unless exactly so many processes were started")
    device_memory_gb: float | None = option(None, "memory of a device, if not this machine's")


def main(words: list[str]) -> None:
    """Look, train, save, tell."""
    words = launching.with_recipe(words, DEMO)
    options, training, model = launching.parse(Options, words)
    launching.check_world(training, processes=options.processes)
    out, first, push = Path(training.output_dir), training.process_index == 0, training.push_to_hub

    # Look, before weights are loaded
    source = open_release(options.dataset_name, options.dataset_config, options.dataset_revision)
    base = open_student(model, training)
    with training.main_process_first(local=True):
        prepared, findings = preflight.inspect(
            source.rows, base, max_length=training.max_length, num_proc=training.dataset_num_proc
        )
    plan = make_plan(
        prepared.lengths(),
        tokens_per_step=options.tokens_per_step,
        tokens_per_device=options.tokens_per_device,
        processes=training.world_size,
        epochs=training.num_train_epochs,
        seed=training.seed,
        match_steps=options.match_steps,
        match_tokens=options.match_tokens,
        padding_free=training.padding_free,
    )
    fits, too_small = needs.judge(
        base.config, training, model, tokens=plan.largest, gigabytes=options.device_memory_gb
    )
    findings += too_small
    if first:
        facts = [f"{source.name}, config {source.config}, for {base.name}", *plan.facts(), fits]
        page = out / "preflight.html"
        report.show(
            prepared, base.tokenizer, findings, facts=facts, page=page, examples=options.examples
        )
    if stops := [finding.text for finding in findings if finding.level == "stop"]:
        raise Stop("; ".join(stops))
    if options.preflight:
        return

    # Train, or go on
    settings = launching.settings_of(training, model, options, source, base)
    checkpoint, finished = launching.resume_from(out, settings)
    if finished and first:
        print(f"{out} holds this student already; to train it again, remove the folder")
    if not finished:
        from student_trainer import StudentTrainer

        began = time.monotonic()
        trainer = StudentTrainer(
            plan=plan,
            model=base.name,
            args=launching.for_trainer(training, model, plan),
            train_dataset=prepared.rows,
            processing_class=base.tokenizer,
            peft_config=launching.adapter(model),
            quantization_config=launching.quantization(model),
        )
        launching.check_sharding(trainer.accelerator)
        if first:
            launching.write_record(out, {"settings": settings, "finished": False})
        trainer.train(resume_from_checkpoint=checkpoint)
        trainer.save_student()

        # Tell
        if first:
            record = {
                "settings": settings,
                "finished": True,
                **plan.told(),
                **prepared.told(),
                "instructions": (source.manifest or {}).get("instructions"),
                "seconds": round(time.monotonic() - began),
                "from_checkpoint": checkpoint,
                "hardware": model_card.hardware(training.world_size),
                "versions": model_card.versions(),
                "history": trainer.state.log_history,
            }
            model_card.write_card(out, source=source, base=base, record=record, words=words)
            launching.write_record(out, record)
            print(f"the student is in {out}, its card in {out / 'README.md'}")
        trainer.end()
    if push and first:
        url = model_card.push(
            out, training.hub_model_id or out.name, private=training.hub_private_repo
        )
        print(f"pushed to {url}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Stop as error:
        launching.fail(error)
