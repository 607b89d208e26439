"""A student is asked by lighteval: in three modes, with seeds, whatever was asked before."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import eval as evaluation
import modes
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import questions
import results
import samples
import scores
from preflight import Stop
from students import ROOT, make_student

from builders.mixing import INSTRUCTIONS
from builders.pool import Pool
from tests.hub_server import COMMIT, HubServer
from tests.test_recipe_hub import hub_environment

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.xdist_group("eval")]

LETTERS = [
    {"question": f"Which is number {n}?", "options": [str(n + k) for k in range(5)], "answer": "A",
     "category": "numbers" if n % 2 else "others"}
    for n in range(8)
]  # fmt: skip


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="session")
def small(demo_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student with random weights, and a file of questions with options beside it."""
    folder = tmp_path_factory.mktemp("eval")
    traces = pq.read_table(next((demo_pool.folder / "traces").glob("*.parquet")))
    texts = [text for name in ("question", "reasoning") for text in traces[name].to_pylist()[:200]]
    make_student(folder / "student", texts)
    lines(folder / "letters.jsonl", LETTERS)
    return folder


@pytest.fixture(scope="session")
def asked(small: Path, demo_pool: Pool) -> tuple[Path, list[str]]:
    """A run, and its command without --out."""
    words = [
        *("--model", str(small / "student"), "--benchmarks", "demo_like,letters"),
        *("--data", f"demo_like={demo_pool.folder}", "--data", f"letters={small}/letters.jsonl"),
        *("--max-samples", "6", "--seeds", "2", "--max-new-tokens", "16"),
    ]
    evaluation.main([*words, "--out", str(small / "run")])
    return small / "run", words


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = results.read_run(folder).samples.to_pylist()
    return rows


def test_every_question_mode_and_seed_has_a_row(asked: tuple[Path, list[str]]) -> None:
    rows = rows_of(asked[0])
    assert len(rows) == 2 * 6 * 3 * 2
    assert len({tuple(row[key] for key in results.KEYS) for row in rows}) == len(rows)
    for row in rows:
        assert 1 <= row["tokens"] <= 16
        assert row["tokens"] == 16 or not row["truncated"]
        assert not (row["truncated"] and row["correct"])
    assert {row["domain"] for row in rows if row["benchmark"] == "letters"} == {"numbers", "others"}
    assert {row["reference"] for row in rows if row["benchmark"] == "letters"} > {"A", "B"}


def test_the_record_says_what_was_run(asked: tuple[Path, list[str]]) -> None:
    record = results.read_run(asked[0]).record
    told = record["benchmarks"]["demo_like"]
    assert told["sampling"] == {"temperature": 0.6, "top_p": 0.95}
    assert told["seeds"] == [0, 1]
    assert told["questions"] == 6
    assert len(set(told["prompt_hash"].values())) == 3
    assert record["dtype"] == "float32"
    assert record["versions"]["lighteval"] == "0.13.0"
    assert record["instructions"]["think"] == INSTRUCTIONS["think"]


def test_seeds_differ_and_repeat_whatever_stands_beside(
    asked: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, words = asked
    rows = rows_of(folder)
    first, second = ([row["text"] for row in rows if row["seed"] == seed] for seed in (0, 1))
    assert sum(a != b for a, b in zip(first, second, strict=True)) > 0.9 * len(first)
    # Other batches, put together anew at other places, and one benchmark and mode alone.
    monkeypatch.setattr("engine_accelerate.STAGES", (3, 7))
    again = folder.parent / "again"
    data = words[words.index("--data") + 1]
    evaluation.main(
        [*words[:2], "--data", data, "--max-samples", "6", "--seeds", "2", "--out", str(again),
         "--max-new-tokens", "16", "--modes", "think", "--batch-size", "5"]
    )  # fmt: skip
    same = [row for row in rows if row["benchmark"] == "demo_like" and row["mode"] == "think"]
    assert rows_of(again) == same


def test_what_is_there_is_not_asked_again(
    asked: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, words = asked
    before = (folder / results.SAMPLES).read_bytes()
    evaluation.main([*words, "--out", str(folder)])
    assert "0 replies to make, 72 there" in capsys.readouterr().out
    assert (folder / results.SAMPLES).read_bytes() == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--temperature", "0.9"], "sampling was"),
        (["--max-new-tokens", "17"], "max_new_tokens was 16, is 17"),
        (["--instructions", "other.json"], "the prompt of think is another one"),
    ],
)
def test_a_run_goes_on_with_its_own_settings_only(
    asked: tuple[Path, list[str]], more: list[str], message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.json").write_text('{"think": "Think!", "no_think": "", "adaptive": null}')
    with pytest.raises(Stop, match=message):
        evaluation.main([*asked[1], "--out", str(asked[0]), *more])


def test_all_engines_are_given_the_same_prompt(small: Path) -> None:
    from engine_endpoint import PromptManager
    from lighteval_tasks import ask
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small / "student")
    doc = ask(LETTERS[0], "t", benchmark="x", mode="think", texts=modes.DEFAULT, length=9)
    messages = PromptManager(use_chat_template=True).prepare_prompt_api(doc)
    here = PromptManager(use_chat_template=True, tokenizer=tokenizer).prepare_prompt(doc)
    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert here == rendered
    assert here.endswith(f"{INSTRUCTIONS['think']}<|im_end|>\n<|im_start|>assistant\n")
    assert "step by step" not in here


def test_draws_follow_the_distribution() -> None:
    """4,000 prompts, one token each: shares as temperature and top_p want them."""
    import torch
    from engine_accelerate import Going, SeededDraw
    from student_facts import Sampling
    from transformers import TemperatureLogitsWarper, TopPLogitsWarper

    scores = torch.tensor([[2.0, 1.5, 1.0, 0.0, -1.0, -3.0]]).repeat(4000, 1)
    rows = [Going(None, "", [n], 7, 3, []) for n in range(4000)]
    draw = SeededDraw(rows, 3, Sampling(0.7, 0.9))
    drawn = draw(torch.zeros(4000, 1), scores).argmax(-1)
    wanted = TopPLogitsWarper(0.9)(None, TemperatureLogitsWarper(0.7)(None, scores[:1]))
    wanted = wanted.softmax(-1)[0]
    shares = torch.bincount(drawn, minlength=6) / 4000
    assert (shares - wanted).abs().max() < 0.03  # 4 standard errors
    assert (shares[wanted == 0] == 0).all()
    once_more = SeededDraw(rows, 3, Sampling(0.7, 0.9))
    assert (once_more(torch.zeros(4000, 1), scores).argmax(-1) == drawn).all()
    second = draw(torch.zeros(4000, 1), scores).argmax(-1)
    later = SeededDraw([replace(row, said=[0]) for row in rows], 2, Sampling(0.7, 0.9))
    assert (later(torch.zeros(4000, 1), scores).argmax(-1) == second).all()
    assert (second != drawn).any()


# Questions


def test_options_are_shuffled_by_question_and_seed() -> None:
    question = questions.read_row(LETTERS[0], "here")
    posed = [questions.pose(question, seed) for seed in range(200)]
    assert posed == [questions.pose(question, seed) for seed in range(200)]
    for one in posed:
        assert one.options["ABCDE".index(one.letter)] == question.reference == "0"
    counts = [sum(one.letter == letter for one in posed) for letter in "ABCDE"]
    assert min(counts) > 20
    others = {**LETTERS[0], "options": ["1", "2", "All of the above"], "answer": "C"}
    kept = questions.read_row(others, "here")
    assert {questions.pose(kept, seed).letter for seed in range(20)} == {"C"}


@pytest.mark.parametrize(
    ("row", "reference", "options"),
    [
        ({"Question": "Q", "Correct Answer": "r", "Incorrect Answer 1": "a",
          "Incorrect Answer 2": "b", "Incorrect Answer 3": "c"}, "r", 4),
        ({"problem": "Q", "answer": "\\frac12", "subject": "Algebra", "level": 3}, "\\frac12", 0),
        ({"question": "Q", "options": list("abcdefghij"), "answer": "J"}, "j", 10),
        ({"question": "Q", "options": ["a", "b"], "answer": "b", "answer_letter": "B"}, "b", 2),
        ({"question": "Q", "answer": "3+4=7\n#### 7"}, "7", 0),
    ],
)  # fmt: skip
def test_columns_are_recognised(row: dict[str, Any], reference: str, options: int) -> None:
    question = questions.read_row(row, "here")
    assert (question.reference, len(question.options)) == (reference, options)


def test_questions_that_are_asked_twice_keep_apart_and_few_are_the_same(tmp_path: Path) -> None:
    rows = [{"question": f"{n % 9}?", "answer": "1"} for n in range(10)]
    own = questions.Benchmark("own")
    read = questions.read_questions(own, str(lines(tmp_path / "q.jsonl", rows)))
    assert len({question.id for question in read.rows}) == 10
    few = questions.read_questions(own, str(lines(tmp_path / "r.jsonl", rows[::-1])), max_samples=4)
    again = questions.read_questions(own, str(tmp_path / "q.jsonl"), max_samples=4)
    assert {q.text for q in few.rows} == {q.text for q in again.rows}


def test_what_a_data_set_of_the_hub_resolved_to_is_recorded(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(LETTERS), data / "data" / "test-0.parquet")
    (data / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: test\n"
        "    path: data/*.parquet\n---\n"
    )
    read = (
        "import sys; sys.path.append('recipes'); import questions; from preflight import Stop\n"
        "try: got = questions.read_questions(questions.Benchmark('own'), sys.argv[1])\n"
        "except Stop as error: sys.exit(str(error))\n"
        "print(len(got.rows), got.data, got.revision)"
    )

    def run(name: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **hub_environment(server.url, tmp_path / "home"), **more}
        command = [sys.executable, "-c", read, name]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)

    with HubServer("org/own", data, {}) as server:
        assert run("org/own@v1.0.0").stdout.split() == ["8", "org/own", COMMIT]
        assert f"but read {COMMIT[:12]}" in run(f"org/own@{'f' * 40}").stderr
        assert "cannot be read" in run("org/other").stderr
        offline = {"HF_HUB_OFFLINE": "1"}
        assert run(f"org/own@{COMMIT}", **offline).stdout.split()[2] == COMMIT
        assert f"name the commit: org/own@{COMMIT}" in run("org/own@v2.0.0", **offline).stderr


def test_instructions_are_those_of_the_training_data(tmp_path: Path, release: Path) -> None:
    assert INSTRUCTIONS == modes.DEFAULT
    assert modes.find_instructions(str(tmp_path), str(release)).texts["think"]
    words = {**INSTRUCTIONS, "think": "Ponder.", "version": 9}
    record = {"settings": {"data": "nt", "data_config": "mix-p40-96"}, "instructions": words}
    (tmp_path / "run.json").write_text(json.dumps(record))
    found = modes.find_instructions(str(tmp_path), None)
    assert (found.texts["think"], found.version) == ("Ponder.", 9)
    assert found.trained_on == {"data": "nt", "data_config": "mix-p40-96", "data_fingerprint": None}
    assert modes.ask("Q", "think", found.texts) == "Q\n\nPonder."
    assert modes.ask("Q", "adaptive", found.texts) == "Q"


def test_the_metric_loads_offline_and_clusters_by_question() -> None:
    import evaluate

    metric = evaluate.load(str(scores.METRIC))
    told = metric.compute(
        predictions=[True, True, False, False], questions=["a", "a", "b", "b"],
        tokens=[1, 2, 3, 4], truncated=[False, False, False, True],
    )  # fmt: skip
    assert told["accuracy"] == 0.5
    # Two questions, one always right, one always wrong: the error of a mean of two numbers.
    assert told["standard_error"] == pytest.approx(0.5)
    assert (told["tokens"], told["truncated"], told["questions"]) == (2.5, 0.25, 2)


# Bad input


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "{tmp}/nowhere"], "there is no such folder"),
        (["--model", "{tmp}"], "is no student: it has no config.json"),
        (["--model", "{tmp}/q.jsonl"], "is a file"),
        (["--benchmarks", "gpqa_diamant"], "did you mean gpqa_diamond"),
        (["--benchmarks", "gpqa_diamond"], "accept its terms at .* --data gpqa_diamond=FILE"),
        (["--benchmarks", "demo"], "nt import demo"),
        (["--benchmarks", "own", "--data", "own={tmp}/none.csv"], "there is no file or folder"),
        (["--benchmarks", "own", "--data", "own={tmp}/bad.jsonl"], "row 0 .* has no answer"),
        (["--data", "own"], "write NAME=FILE"),
        (["--data", "own={tmp}/q.jsonl", "--modes", "thinking"], "no mode 'thinking'"),
        (["--data", "own={tmp}/q.jsonl", "--seeds", "0"], "--seeds 0: 1 or more"),
        (["--data", "own={tmp}/q.jsonl", "--temperature", "0", "--seeds", "2"], "all seeds give"),
        (["--data", "own={tmp}/q.jsonl", "--backend", "endpoint"], "belong together"),
        (["--data", "own={tmp}/q.jsonl", "--backend", "vllm"], "needs vLLM: pip install"),
        ([], "no benchmark is named"),
        (["--data", "own={tmp}/q.jsonl", "--out", "{tmp}"], "holds something else"),
        (["--data", "own={tmp}/q.jsonl", "--colour", "red"], "--colour"),
    ],
)
def test_bad_input_is_told_in_a_line(
    words: list[str], message: str, small: Path, tmp_path: Path
) -> None:
    lines(tmp_path / "q.jsonl", [{"question": "1+1?", "answer": "2"}])
    lines(tmp_path / "bad.jsonl", [{"question": "1+1?"}])
    given = [word.replace("{tmp}", str(tmp_path)) for word in words]
    defaults = ["--model", str(small / "student"), "--out", str(tmp_path / "out")]
    with pytest.raises(Stop, match=message) as caught:
        evaluation.main([*defaults, *given])
    assert "\n" not in str(caught.value)


def test_results_of_another_format_are_refused(
    asked: tuple[Path, list[str]], tmp_path: Path
) -> None:
    with pytest.raises(Stop, match="holds no results"):
        results.read_run(tmp_path)
    (tmp_path / results.RECORD).write_text('{"format": 99}')
    with pytest.raises(Stop, match="format 99"):
        results.read_run(tmp_path)
    table = results.read_run(asked[0]).samples
    (tmp_path / results.RECORD).write_bytes((asked[0] / results.RECORD).read_bytes())
    pq.write_table(table.drop_columns(["mode"]), tmp_path / results.SAMPLES)
    with pytest.raises(Stop, match="needs a column mode"):
        results.read_run(tmp_path)


# As processes


def start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, ROOT / "recipes" / "eval.py", *words]
    return subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not what():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_error_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    process = start("--model", tmp_path, "--out", tmp_path / "out", "--benchmarks", "demo")
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert err.startswith("error: --model") and err.count("\n") == 1


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_replies(
    asked: tuple[Path, list[str]], tmp_path: Path
) -> None:
    words = [*asked[1], "--batch-size", "4"]
    out = tmp_path / "killed"
    for batches_there in (2, 6):
        process = start(*words, "--out", out)
        parts = out / ".parts"
        wait_for(lambda: len(list(parts.glob("[!.]*.parquet"))) >= batches_there, process)  # noqa: B023
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = start(*words, "--out", out)
    told, err = process.communicate()
    assert process.returncode == 0, err
    assert " 0 there" not in told
    assert rows_of(out) == rows_of(asked[0])
    assert not parts.exists()


@pytest.mark.slow
def test_the_tasks_work_with_plain_lighteval(small: Path, tmp_path: Path) -> None:
    # At import lighteval fetches a file for tasks that nobody asked for.
    plain = (
        "import requests; from types import SimpleNamespace as N; "
        "requests.get = lambda *a, **k: N(status_code=404); "
        "from lighteval.__main__ import app; app()"
    )
    model = f"model_name={small}/student,batch_size=8"
    tasks = ROOT / "recipes" / "lighteval_tasks.py"
    asked = "nt_letters:think|0,nt_letters:no_think|0"
    process = subprocess.run(
        [sys.executable, "-c", plain, "accelerate", model, asked,
         "--custom-tasks", tasks, "--output-dir", tmp_path],
        env={**os.environ, "EVAL_DATA": f"letters={small}/letters.jsonl",
             "EVAL_MAX_NEW_TOKENS": "16"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    (path,) = tmp_path.rglob("results_*.json")
    told = json.loads(path.read_text())["results"]
    assert {"nt_letters:think|0", "nt_letters:no_think|0"} <= set(told)
    assert set(told["nt_letters:think|0"]) >= {"correct", "found"}


def test_seeds_that_change_nothing_are_noticed(
    asked: tuple[Path, list[str]], tmp_path: Path
) -> None:
    read = results.read_run(asked[0])
    assert samples.same_over_seeds(asked[0]) == ""
    same = pa.array(read.samples["question_id"])  # what was said depends on the question alone
    place = read.samples.column_names.index("text")
    results.write_run(tmp_path, read.record, read.samples.set_column(place, "text", same))
    assert "letters no_think" in samples.same_over_seeds(tmp_path)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def test_an_endpoint_that_is_not_there(asked: tuple[Path, list[str]], tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    words = [*asked[1], "--backend", "endpoint", "--base-url", url, "--out", str(tmp_path / "out")]
    with pytest.raises(Stop, match="nothing answers at http"):
        evaluation.main(words)


@pytest.mark.slow
def test_a_student_behind_an_endpoint(
    asked: tuple[Path, list[str]], small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behind `transformers serve`, which samples where the student's generation config says so."""
    student = tmp_path / "student"
    shutil.copytree(small / "student", student)
    told = json.loads((student / "generation_config.json").read_text())
    (student / "generation_config.json").write_text(json.dumps({**told, "do_sample": True}))
    port = free_port()
    command = ["transformers", "serve", "--device", "cpu", "--host", "127.0.0.1", "--port", port]
    server = subprocess.Popen(
        [sys.executable, "-m", "transformers.cli.transformers", *map(str, command[1:])],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/health"), server)
        words = [
            *("--model", str(student), "--data", f"letters={small}/letters.jsonl"),
            *("--tokenizer", str(student), "--seeds", "2", "--max-new-tokens", "16"),
            *("--backend", "endpoint", "--base-url", f"http://127.0.0.1:{port}/v1"),
        ]
        evaluation.main([*words, "--out", str(tmp_path / "out")])
        rows = rows_of(tmp_path / "out")
        assert len(rows) == 8 * 3 * 2
        assert all(1 <= row["tokens"] <= 16 and row["text"] for row in rows)
        assert "nothing was sampled" not in capsys.readouterr().err
    finally:
        server.terminate()
        server.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
