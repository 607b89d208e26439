"""Every recipe and every launch file, read by what will read them."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import launching
import model_card
import needs
import pytest
import sft
from preflight import Stop
from students import ROOT

from builders.configs import FAMILIES

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.xdist_group("recipes")]

RECIPES = sorted((ROOT / "recipes").glob("*/*.yaml"))
LAUNCH = [path for path in RECIPES if path.parent.name == "accelerate_configs"]
TRAIN = [path for path in RECIPES if path not in LAUNCH]
PAPER = [path for path in TRAIN if path.parent.name in needs.STUDENTS]
EPOCHS = {"1k": 10, "10k": 6, "100k": 8, "500k": 8}


def name(path: Path) -> str:
    return path.relative_to(ROOT / "recipes").as_posix()


def command_of(path: Path) -> list[str]:
    """The command in the comment that opens a file."""
    lines = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return shlex.split(" ".join(lines).replace("\\ ", ""))


def parse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, Any]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(launching, "installed", lambda package: True)
    return launching.parse(sft.Options, launching.with_recipe(words, sft.DEMO))


@pytest.mark.parametrize("path", TRAIN, ids=name)
def test_a_recipe_opens_with_its_command_and_is_understood(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = command_of(path)
    relative = path.relative_to(ROOT).as_posix()
    if command[0] == "sbatch":
        assert command[-2:] == ["recipes/slurm.sh", relative]
    else:
        assert command[:2] == ["accelerate", "launch"]
        assert command[-3:] == ["recipes/sft.py", "--config", relative]
        if "--config_file" in command:
            assert (ROOT / command[command.index("--config_file") + 1]).is_file()
    options, training, model = parse(["--config", relative, "--preflight"], monkeypatch)
    family, _, size = options.dataset_config.rpartition("-")
    assert size in FAMILIES[family].sizes
    assert training.output_dir.startswith("out/")
    assert training.save_total_limit >= 1
    assert path.stem.removesuffix("-lora") == options.dataset_config or path.parent.name == "demo"
    assert model.use_peft == path.stem.endswith("-lora")


@pytest.mark.parametrize("path", PAPER, ids=name)
def test_the_settings_are_the_papers(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--config", str(path), "--preflight"]
    options, training, model = parse(words, monkeypatch)
    assert training.num_train_epochs == EPOCHS[options.dataset_config.rpartition("-")[2]]
    assert training.lr_scheduler_type == "constant"
    assert training.warmup_steps == 0
    assert training.optim == "adamw_torch_fused"
    assert training.weight_decay == 0.1
    assert options.tokens_per_step == 400_000
    assert training.learning_rate == (2e-4 if model.use_peft else 2e-5)
    assert training.max_length == (8192 if path.parent.name == "smollm2-135m" else 16_384)


def test_the_command_line_overrides_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [
        "--config",
        "recipes/demo/mix-p40.yaml",
        "--learning_rate",
        "1e-5",
        "--match_steps",
        "3",
    ]
    options, training, _ = parse(words, monkeypatch)
    assert (training.learning_rate, options.match_steps) == (1e-5, 3)
    assert training.max_length == 768  # the recipe's


def test_no_arguments_are_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    options, training, _ = parse([], monkeypatch)
    assert (options.dataset_name, options.dataset_config) == ("nt", "mix-p40-10k")
    assert training.output_dir == "out/demo-student"


@pytest.mark.parametrize("path", LAUNCH, ids=name)
def test_a_launch_file_is_understood_by_accelerate(path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    wanted = {
        "cpu": ("NO", 1, True), "one_gpu": ("NO", 1, False), "ddp": ("MULTI_GPU", 8, False),
        "fsdp2": ("FSDP", 8, False), "zero3": ("DEEPSPEED", 8, False),
        "fsdp2_two_nodes": ("FSDP", 16, False),
    }[path.stem]  # fmt: skip
    assert (config.distributed_type.value, config.num_processes, config.use_cpu) == wanted
    if "fsdp2" in path.stem:
        assert config.fsdp_config["fsdp_version"] == 2
    assert config.num_machines == (2 if "two_nodes" in path.stem else 1)


def test_the_slurm_script_passes_on_what_each_node_needs(tmp_path: Path) -> None:
    """With commands of our own in the place of Slurm's and of accelerate."""
    for command, body in {
        "scontrol": "echo node-a; echo node-b",
        "srun": 'for SLURM_NODEID in 0 1; do export SLURM_NODEID; "$@"; done',
        "accelerate": 'printf "%s\\n" "$*"',
    }.items():
        (tmp_path / command).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / command).chmod(0o755)
    done = subprocess.run(
        ["bash", ROOT / "recipes" / "slurm.sh", "recipes/demo/mix-p40.yaml", "--run_name", "a b"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_NNODES": "2", "SLURM_JOB_NODELIST": "x"},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.splitlines()
    assert "--num_machines 2 --num_processes 16 --machine_rank 0" in first
    assert second == first.replace("--machine_rank 0", "--machine_rank 1")
    assert "--main_process_ip node-a" in first
    assert first.endswith(
        "recipes/sft.py --config recipes/demo/mix-p40.yaml --processes 16 --run_name a b"
    )


def test_the_table_of_needs_is_current() -> None:
    text = (ROOT / "recipes" / "README.md").read_text()
    found = re.search(r"<!-- needs -->\n(.*)\n<!-- end of needs -->", text, re.DOTALL)
    assert found
    assert found[1] == needs.table(), "run: python recipes/needs.py"
    recipes = {f"`{name(path).removesuffix('.yaml')}`" for path in PAPER}
    assert recipes == set(re.findall(r"^\| (`.*?`) ", found[1], re.MULTILINE))


def test_what_is_where_names_every_file() -> None:
    text = (ROOT / "recipes" / "README.md").read_text()
    for path in (ROOT / "recipes").glob("*.py"):
        assert f"`{path.name}`" in text


def test_sft_reads_from_top_to_bottom() -> None:
    assert len((ROOT / "recipes" / "sft.py").read_text().splitlines()) <= 150


# Bad input, before anything is loaded


def write(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "r.yaml").write_text(text)
    return ["--config", str(tmp_path / "r.yaml")]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("learning_rat: 1", "unknown option 'learning_rat'; did you mean learning_rate"),
        ("a: [", "is not YAML"),
        ("- a", "is not a recipe"),
        ("bf16: true\nmodel_name_or_path: x", "bf16 needs a GPU, and this machine has none"),
        ("bf16: false", "no student is named"),
        (
            "bf16: false\nmodel_name_or_path: x\nhub_token: hf_abc",
            "belongs into the variable HF_TOKEN",
        ),
        ("bf16: false\nmodel_name_or_path: x\npacking: true", "packing cuts traces"),
        ("bf16: false\nmodel_name_or_path: x\nmax_length: null", "max_length is needed"),
    ],
)
def test_a_bad_recipe(recipe: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(Stop, match=message):
        launching.parse(sft.Options, write(tmp_path, recipe))


def test_the_demo_recipe_is_taken_where_neither_a_recipe_nor_a_student_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    demo = ["--config", "recipes/demo/mix-p40.yaml"]
    for words in ([], ["--dataset_name", "my"], ["--seed=3"]):
        assert launching.with_recipe(words, sft.DEMO) == [*demo, *words]
    for words in (["--config", "a.yaml"], ["--model_name_or_path=x"]):
        assert launching.with_recipe(words, sft.DEMO) == words


def test_a_recipe_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(Stop, match=r"there is no recipe no\.yaml; these are: .*mix-p40\.yaml"):
        launching.parse(sft.Options, ["--config", "no.yaml"])


@pytest.mark.parametrize("words", [["--learning_rate", "fast"], ["--learning_rat", "1"]])
def test_a_bad_word_of_the_command_line_is_one_message(words: list[str], tmp_path: Path) -> None:
    recipe = write(tmp_path, "bf16: false\nmodel_name_or_path: x")
    with pytest.raises(Stop, match="learning_rat") as stopped:
        launching.parse(sft.Options, [*recipe, *words])
    assert "usage" not in str(stopped.value)


def test_what_others_wrote_stays_text_on_a_card() -> None:
    evil = "mit\n\n# Title <script> [a](http://b) | `c`"
    assert model_card.plain(evil) == (r"mit \# Title \<script\> \[a\](http://b) \| \`c\`")


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "installed", lambda package: package != "peft")
    words = write(tmp_path, "bf16: false\nmodel_name_or_path: x\nuse_peft: true")
    with pytest.raises(Stop, match="needs peft: pip install peft"):
        launching.parse(sft.Options, words)


def test_errors_are_one_line_without_a_traceback(tmp_path: Path) -> None:
    words = write(tmp_path, "bf16: false\nmodel_name_or_path: nowhere\ndataset_name: missing")
    done = subprocess.run(
        [sys.executable, ROOT / "recipes" / "sft.py", *words], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: there is no release 'missing'")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--dataset_config", "mix-p50"), "has no config 'mix-p50'; it has mix-p40-96, random-64"),
        (("--dataset_name", "nowhere"), "there is no release 'nowhere'; make one: make demo"),
        (("--device_memory_gb", "0.00001"), "the device is too small: "),
        (("--max_length", "5000"), "the student has 4096 positions".replace("4096", "4,096")),
        (("--processes", "2"), "2 processes are asked for, 1 started"),
        (("--model_name_or_path", "nowhere"), "the student 'nowhere' cannot be read"),
    ],
)
def test_bad_input_is_one_message(
    recipe: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    out = str(tmp_path / "out")
    with pytest.raises(Stop) as stopped:
        sft.main(["--config", str(recipe), "--output_dir", out, *words])
    assert message in str(stopped.value)
    assert not list(tmp_path.glob("out/*.safetensors"))


def test_a_data_set_without_chats_names_its_columns(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"question": "7 + 5?", "answer": "12"}\n')
    words = ["--dataset_name", str(tmp_path), "--dataset_config", "default"]
    with pytest.raises(Stop, match="no column 'messages'; its columns: question, answer"):
        sft.main(["--config", str(recipe), "--output_dir", str(tmp_path / "out"), *words])
