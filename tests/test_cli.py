import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders.cli import VERBS, annotate, parser
from builders.pool import Pool
from builders.schema import ANNOTATIONS

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

GOOD = {"question": "7 + 5?", "reasoning": "7 + 5 = 12.", "answer": "12"}


def test_from_traces_to_a_data_set(nt: Run, tmp_path: Path, write_jsonl: Write) -> None:
    rows = [GOOD | {"question": f"{n}?"} for n in range(30)] + [GOOD | {"answer": ""}]
    path, pool, out = write_jsonl(rows), tmp_path / "pool", tmp_path / "nt"

    code, output, errors = nt("import", path, "--pool", pool, "--license", "mit")
    assert (code, errors) == (0, "")
    assert output.startswith("traces.jsonl: read as 'own'\n")
    assert "30 traces and 31 questions added, 0 rows already there, 1 dropped" in output
    assert "dropped 1: no_answer (the response has reasoning but no final answer)" in output
    assert output.endswith(f"next: nt list --pool {pool}\n")

    code, output, _ = nt("list", "--pool", pool)
    assert code == 0
    assert "only 30 eligible" in output
    hint = f"the pool has no 'domain' yet; run: nt annotate domain --pool {pool} --judge M"
    assert hint in output
    parser().parse_args(hint.partition("run: nt ")[2].split())  # a command that there is

    code, output, _ = nt("build", "--pool", pool, "--out", out, "--config", "random-20")
    assert code == 0
    (command,) = [line.removeprefix("next: ") for line in output.splitlines()[-1:]]
    words = [sys.executable if word == "python" else word for word in shlex.split(command)]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "num_rows: 20" in shown


def test_list_as_json(nt: Run, demo_pool: Pool) -> None:
    code, output, _ = nt("list", "--pool", demo_pool.folder, "--json")
    listed = json.loads(output)
    assert code == 0
    assert (listed["rows"], listed["usable_rows"], listed["dropped"]) == (4000, 4000, {})
    configs = {config["name"]: config for config in listed["configs"]}
    assert configs["disagree-1k"]["can_be_filled"] is True
    assert configs["disagree-1k"]["why_not"] is None
    assert configs["random-10k"]["can_be_filled"] is False
    assert configs["random-10k"]["why_not"] == "only 4,000 eligible"

    code, output, _ = nt("list", "--json")
    assert [config["name"] for config in json.loads(output)["configs"]] == list(configs)


def test_every_verb_prints_json_or_nothing(nt: Run, tmp_path: Path, write_jsonl: Write) -> None:
    pool, out = tmp_path / "pool", tmp_path / "nt"
    traces = write_jsonl([GOOD, GOOD | {"question": "8?"}, GOOD | {"answer": ""}])
    labels = write_jsonl([{"question": "8?", "domain": "Law"}], "labels.jsonl")
    commands: dict[str, tuple[list[object], Any]] = {
        "import": (
            [traces, "--pool", pool],
            {
                "pool": str(pool),
                "source": "traces.jsonl",
                "layout": "own",
                "questions_added": 2,
                "traces_added": 2,
                "second_answers_added": 0,
                "already_there": 0,
                "dropped": {"no_answer": 1},
                "read_before": 0,
            },
        ),
        "annotate": (
            ["domain", "--pool", pool, "--from", labels],
            {"pool": str(pool), "annotation": "domain", "labelled": 1, "rows": 2, "unmatched": 0},
        ),
        "list": (["--pool", pool], None),
        "build": (["--pool", pool, "--out", out, "--config", "random-2"], None),
    }
    assert set(commands) <= set(VERBS)
    for verb, (words, expected) in commands.items():
        code, output, errors = nt(verb, *words, "--json")
        assert (code, errors) == (0, "")
        found = json.loads(output)
        assert expected is None or found == expected
        assert nt(verb, *words, "--quiet") == (0, "", "")
    (config,) = found["configs"]
    assert (found["out"], found["not_filled"]) == (str(out), [])
    assert (config["name"], config["rows"], config["think_share"]) == ("random-2", 2, 1.0)
    assert config["download_size"] == (out / "random-2/train-00000-of-00001.parquet").stat().st_size
    code, output, errors = nt("list", "--pool", tmp_path / "no", "--json", "--quiet")
    assert (code, output) == (2, "")
    assert errors.startswith("nt: ")


def test_every_annotation_has_words_of_its_own(nt: Run) -> None:
    grains = {name: annotation.grain for name, annotation in ANNOTATIONS.items()}
    assert {name: grain for name, (grain, _) in annotate.ANNOTATIONS.items()} == grains
    for name in ANNOTATIONS:
        code, output, _ = nt("annotate", name, "--help")
        assert (code, "--from FILE" in output, "--json" in output) == (0, True, True)
    assert nt("annotate", "domain", "--pool", "p") == (
        2,
        "",
        "nt: nt annotate domain: needs --from FILE, with labels that you have, or --judge MODEL "
        "--base-url URL, which makes them\n",
    )


def test_every_verb_has_the_same_options_of_output() -> None:
    for name, verb in _verbs().items():
        options = {option for action in verb._actions for option in action.option_strings}
        assert {"--json", "--quiet", "--help"} <= options, name


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(nt: Run, shell: str) -> None:
    code, script, _ = nt("--print-completion", shell)
    assert code == 0
    for verb in VERBS:
        assert verb in script
    assert "--pool" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_completion_offers_verbs_and_options(nt: Run) -> None:
    _, script, _ = nt("--print-completion", "bash")
    ask = "COMP_WORDS=(nt {}); COMP_CWORD={}; _shtab_nt nt {} ''; echo ${{COMPREPLY[@]}}"

    def offered(*words: str) -> list[str]:
        program = script + ask.format(" ".join(words), len(words), words[-1])
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert offered("bui") == ["build"]
    assert offered("build", "--o") == ["--out", "--overwrite"]


def test_list_shows_rules(nt: Run) -> None:
    code, output, _ = nt("list")
    assert code == 0
    assert re.search("disagree-10k +10,000  Questions on which the teacher and a second", output)


def test_labels_of_your_own(nt: Run, tmp_path: Path, write_jsonl: Write) -> None:
    pool = tmp_path / "pool"
    nt("import", write_jsonl([GOOD | {"question": f"{n}?"} for n in range(4)]), "--pool", pool)
    labels = [{"question": f"{n}?", "domain": "Law" if n else "History"} for n in range(3)]
    code, output, _ = nt(
        "annotate", "domain", "--pool", pool, "--from", write_jsonl(labels, "l.jsonl")
    )
    assert (code, output.splitlines()[0]) == (
        0,
        f"{pool}: 3 of 4 rows have 'domain'; 0 labels found no row",
    )
    csv = tmp_path / "more.csv"
    csv.write_text("question,domain\n3?,Medicine\nno such question?,Law\n")
    _, output, _ = nt("annotate", "domain", "--pool", pool, "--from", csv)
    assert "4 of 4 rows have 'domain'; 1 labels found no row" in output
    code, _, _ = nt("build", "--pool", pool, "--out", tmp_path / "nt", "--config", "topics-4")
    assert code == 0


@pytest.mark.parametrize(
    ("annotation", "label", "message"),
    [
        ("domian", {"domain": "Law"}, "did you mean 'domain'?"),
        ("domain", {"dom": "Law"}, "needed: one of question_id, question, and domain or topic"),
        ("domain", {"domain": "Lwa"}, "domain 'Lwa' is none of Agronomy"),
        ("domain", {"domain": ["Law"]}, "domain ['Law'] is none of"),
        ("domain", {"topic": "\ud800"}, "topic contains half of a surrogate pair"),
        ("verbosity", {"verbosity": 11}, "row 1: verbosity 11 is no whole number from 0 to 10"),
        ("verbosity", {"verbosity": 3.9}, "verbosity 3.9 is no whole number"),
        ("verbosity", {"verbosity": True}, "verbosity True is no whole number"),
        ("verbosity", {"verbosity": [1]}, "verbosity [1] is no whole number"),
        ("verbosity", {"verbosity": "wordy"}, "verbosity 'wordy' is no whole number"),
        ("clusters", {"cluster": 2**40}, "is no whole number"),
        ("clusters", {"cluster": float("inf")}, "cluster inf is no whole number"),
        ("clusters", {"cluster": -7}, "is no whole number"),
        ("strategies", {"strategies": [1]}, "strategies 1 is no text"),
        ("strategies", {"strategies": 1}, "no list of texts"),
        ("disagreement", {"disagreement": "maybe"}, "none of agree, disagree, unsure"),
        ("disagreement", {"models_disagree": "perhaps"}, "neither true nor false"),
        (
            "verbosity",
            {"question": "another?", "verbosity": 3},
            "none of its 1 labels is for a row",
        ),
    ],
)
def test_labels_that_cannot_be_meant(
    nt: Run, tmp_path: Path, write_jsonl: Write, annotation: str, label: Any, message: str
) -> None:
    pool = tmp_path / "pool"
    nt("import", write_jsonl([GOOD]), "--pool", pool)
    path = write_jsonl([{"question": "7 + 5?", **label}], "labels.jsonl")
    code, _, errors = nt("annotate", annotation, "--pool", pool, "--from", path)
    assert code == 2
    assert message in errors
    assert errors.count("\n") == 1
    assert not (pool / "annotations").exists()


BAD = {
    "import nowhere.jsonl --pool {tmp}/p": "nowhere.jsonl: no such file or folder",
    "import {tmp}/empty.jsonl --pool {tmp}/p": "empty.jsonl: the file has no rows",
    "import {tmp}/broken.jsonl --pool {tmp}/p": "broken.jsonl, line 2: not JSON",
    "import {tmp}/columns.jsonl --pool {tmp}/p": "columns 'prompt', 'text' are not recognised",
    "import {tmp}/columns.jsonl --pool {tmp}/p --column question=promt": "the source has 'prompt'",
    "import {tmp}/columns.jsonl --pool {tmp}/p --column prompt": "write it as OURS=THEIRS",
    "import {tmp}/good.jsonl --pool {tmp}/p --tokenizer no/such": "--tokenizer no/such",
    "import {tmp}/good.jsonl --pool {tmp}/p --rows 3": "--rows: is not for files",
    "import {tmp}/good.jsonl --pool {tmp}/p --split test": "--split: is not for files",
    "import demo --pool {tmp}/p --license mit": "--license: the demo does not have that option",
    "import org/name-2.1 --pool {tmp}/p": "org/name-2.1: HF_HUB_OFFLINE is set",
    "import org/name --pool {tmp}/p": "org/name: HF_HUB_OFFLINE is set",
    "list --pool {tmp}/p": "p: not a pool",
    "build --pool {tmp}/p --out {tmp}/nt": "p: not a pool",
    "build --pool {pool} --out {tmp}/nt --config disagre-1k": "did you mean 'disagree-1k'?",
    "build --pool {pool} --out {tmp}/nt --config random-10k": "needs 10000 rows",
    "build --pool {pool} --out {tmp}/nt --config a/b-1k": "config 'a/b-1k'",
    "build --pool {pool} --out {tmp}/nt --config ..": "config '..'",
    "build --pool {pool} --out {tmp}/folder": "is not empty and not a release",
    "build --pool {pool} --out {tmp}/good.jsonl": "is not a folder",
    "build --pool {pool} --out . --config random-10": "is where you are",
    "build --pool {pool} --out / --config random-10": "is where you are",
}


@pytest.mark.parametrize("words", BAD)
def test_a_mistake_is_one_clear_line_and_exit_code_2(
    nt: Run, tmp_path: Path, demo_pool: Pool, words: str
) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "good.jsonl").write_text(json.dumps(GOOD))
    (tmp_path / "broken.jsonl").write_text(json.dumps(GOOD) + '\n{"question": ')
    (tmp_path / "columns.jsonl").write_text('{"prompt": "a", "text": "b"}\n')
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("")
    before = sorted(tmp_path.rglob("*"))
    arguments = [word.format(tmp=tmp_path, pool=demo_pool.folder) for word in words.split(" ")]
    code, output, errors = nt(*arguments)
    assert code == 2
    assert output == ""
    assert errors.startswith("nt: ")
    assert errors.count("\n") == 1
    assert BAD[words] in errors
    assert sorted(tmp_path.rglob("*")) == before  # nothing half-written


@pytest.mark.parametrize("words", ["", "biuld", "import", "import x --pool p --rows many"])
def test_a_wrong_command_is_explained(nt: Run, words: str) -> None:
    code, _, errors = nt(*words.split())
    assert code == 2
    assert "nt" in errors
    assert "Traceback" not in errors


def test_help_is_light() -> None:
    """`nt --help` imports nothing that takes time, and so answers at once."""
    program = (
        "import sys; from builders.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pyarrow', 'numpy', 'datasets', 'huggingface_hub', 'jinja2', 'tqdm'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "examples:" in done.stdout


def test_every_option_has_help() -> None:
    for verb in _verbs().values():
        for action in verb._actions:
            assert action.help, (verb.prog, action.dest)


def _verbs() -> dict[str, Any]:
    (verbs,) = (a.choices for a in parser()._actions if isinstance(a.choices, dict))
    return verbs
