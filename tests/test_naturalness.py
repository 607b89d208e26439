"""`nt annotate naturalness` over a pool: what is written, what is refused, and going on."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from students import make_student
from test_naturalness_exact import naive
from transformers import AutoModelForCausalLM, AutoTokenizer

from builders.importing import import_source
from builders.naturalness import stage
from builders.naturalness.encoding import Steps, encode, prompt_text
from builders.naturalness.scorer import Scorer, make_scorer
from builders.naturalness.splitting import sentences
from builders.naturalness.stage import annotate_naturalness
from builders.naturalness.student import load_student
from builders.naturalness.windows import parse_window
from builders.pool import Pool, open_pool
from builders.sources.opening import open_source
from builders.traces import join_reply

Run = Callable[..., tuple[int, str, str]]

TRACES = [
    {
        "question": f"What is {n} + 5?",
        "reasoning": f"We add {n} and 5. " + "Let me check. " * (n % 4) + f"So it is {n + 5}.",
        "answer": f"The answer is {n + 5}.",
        "teacher": teacher,
    }
    for n in range(7)
    for teacher in ("first", "second")
]
for trace in TRACES[1::2]:
    trace["reasoning"] = "Well. Hmm, wait! " + trace["reasoning"]


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [row[name] for row in TRACES for name in ("question", "reasoning", "answer")]
    return make_student(tmp_path_factory.mktemp("students") / "tiny", texts)


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    path = tmp_path / "traces.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in TRACES))
    import_source(open_source(str(path)), tmp_path / "pool", shard_rows=6)
    return open_pool(tmp_path / "pool")


@pytest.fixture
def scorer(student: Path) -> Scorer:
    return make_scorer(load_student(str(student)), parse_window("1"), "sentence", batch_tokens=64)


def scores(pool: Pool) -> dict[str, dict[str, Any]]:
    tables = [pq.read_table(pool.sidecar("naturalness", s)) for s in pool.shards("traces")]
    return {row["id"]: row for table in tables for row in table.to_pylist()}


def traces(pool: Pool) -> Iterator[dict[str, Any]]:
    for shard in pool.shards("traces"):
        yield from pq.read_table(shard).to_pylist()


def test_the_columns_say_what_the_definition_says(pool: Pool, student: Path, nt: Run) -> None:
    code, out, err = nt(
        *("annotate", "naturalness", "--pool", pool.folder, "--student", student),
        *("--window", "2", "--json"),
    )
    assert code == 0, err
    report = json.loads(out)
    assert (report["scored"], report["rows"], report["not_scored"]) == (14, 14, {})
    assert report["student"] == "tiny"
    tokenizer = AutoTokenizer.from_pretrained(student)
    model = AutoModelForCausalLM.from_pretrained(student).eval()
    found = scores(open_pool(pool.folder))
    for trace in traces(pool):
        steps = Steps(sentences(trace["reasoning"]), sentences(trace["answer"]))
        prompt = prompt_text(tokenizer, trace["question"])
        encoded = encode(tokenizer, prompt, trace["reasoning"], trace["answer"], steps)
        starts = encoded.steps.tolist()
        whole, each = naive(model, encoded.prompt, encoded.response, starts, parse_window("2"))
        means = np.array([step.mean() for step in each])
        inverse = np.array([1 / len(step) for step in each])
        row = found[trace["id"]]
        assert row.pop("id") == trace["id"]
        assert row.pop("not_scored") is None
        assert row == {
            "local_naturalness": pytest.approx(means.mean(), abs=1e-4),
            "global_naturalness": pytest.approx(whole.mean(), abs=1e-4),
            "local_naturalness_skip_first": pytest.approx(
                np.mean([step[1:].mean() for step in each if len(step) > 1]), abs=1e-4
            ),
            "num_steps": len(steps.reasoning) + len(steps.answer),
            "num_student_tokens": len(encoded.response),
            "step_inverse_length": pytest.approx(inverse.mean()),
            "step_inverse_length_squared": pytest.approx((inverse**2).mean()),
            "step_inverse_length_times_score": pytest.approx((inverse * means).mean(), abs=1e-4),
        }


def test_length_can_be_regressed_out_from_the_columns(pool: Pool, scorer: Scorer) -> None:
    """The slope over all steps of the pool follows from means of each response."""
    each: list[tuple[float, float]] = []
    model, tokenizer = scorer.student.model, scorer.student.tokenizer
    for trace in traces(pool):
        steps = scorer.find(trace["id"], trace["reasoning"], trace["answer"])
        prompt = prompt_text(tokenizer, trace["question"])
        encoded = encode(tokenizer, prompt, trace["reasoning"], trace["answer"], steps)
        _, found = naive(
            model, encoded.prompt, encoded.response, encoded.steps.tolist(), scorer.window
        )
        each += [(1 / len(step), float(step.mean())) for step in found]
    x, m = np.array(each).T
    slope = np.polyfit(x, m, 1)[0]
    annotate_naturalness(pool.folder, scorer)
    rows = list(scores(pool).values())
    n = np.array([row["num_steps"] for row in rows])

    def mean(name: str) -> float:
        return float(np.average([row[name] for row in rows], weights=n))

    mean_x = mean("step_inverse_length")
    covariance = mean("step_inverse_length_times_score") - mean_x * mean("local_naturalness")
    assert covariance / (mean("step_inverse_length_squared") - mean_x**2) == pytest.approx(
        slope, abs=1e-3
    )


def test_goes_on_where_it_was(
    pool: Pool, scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores are saved in parts; what has one is never scored again."""
    monkeypatch.setattr(stage, "_SAVE_SECONDS", 0.0)
    seen: list[str] = []

    def stop_after(rows: int) -> Callable[[object], None]:
        def done(row: Any) -> None:
            seen.append(row["id"])
            if len(seen) == rows:
                raise KeyboardInterrupt

        return done

    for rows in (3, 9):
        with pytest.raises(KeyboardInterrupt):
            annotate_naturalness(pool.folder, scorer, on_done=stop_after(rows))
    missing: list[int] = []
    report = annotate_naturalness(
        pool.folder, scorer, on_missing=missing.append, on_done=stop_after(1000)
    )
    assert missing == [14 - 9]
    assert report[:1] + report[3:] == (5, 14, 14, {})
    assert len(seen) == len(set(seen)) == 14
    folder = pool.folder / "annotations" / "naturalness"
    assert {path.name for path in folder.iterdir()} == {s.name for s in pool.shards("traces")}
    again = annotate_naturalness(pool.folder, scorer)
    assert (again.scored, again.labelled) == (0, 14)
    for shard in pool.shards("traces"):
        keys = pq.read_table(shard, columns=["id"])["id"].to_pylist()
        assert pq.read_table(pool.sidecar("naturalness", shard))["id"].to_pylist() == keys


@pytest.mark.slow
def test_killed_and_run_again(pool: Pool, student: Path, scorer: Scorer, tmp_path: Path) -> None:
    """SIGKILL after each of some saves; the scores are those of a run that nobody killed."""
    annotate_naturalness(pool.folder, scorer)
    wanted = scores(pool)
    other = tmp_path / "killed"
    import_source(open_source(str(tmp_path / "traces.jsonl")), other, shard_rows=6)
    script = (
        "import sys; from builders.naturalness import stage; from builders.cli import main; "
        "stage._SAVE_SECONDS = 0; sys.exit(main())"
    )
    words = ["annotate", "naturalness", "--pool", str(other), "--student", str(student)]
    words += ["--window", "1", "--batch-tokens", "64", "--json"]
    folder = other / "annotations" / "naturalness"

    def saved() -> int:
        return len({*folder.glob(".*/*.parquet"), *folder.glob("*.parquet")})

    before = []
    for _ in range(4):
        before.append(saved())
        process = subprocess.Popen([sys.executable, "-c", script, *words])
        while saved() <= before[-1] and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        process.wait()
    assert len(set(before)) > 1
    last = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=True)
    assert json.loads(last.stdout)["labelled"] == len(TRACES)
    assert not list(folder.glob(".*"))
    found = scores(open_pool(other))
    assert found.keys() == wanted.keys()
    for key, row in found.items():
        assert row == pytest.approx(wanted[key], abs=1e-4)


def test_scores_from_a_file_have_no_student(
    pool: Pool, scorer: Scorer, student: Path, nt: Run, tmp_path: Path
) -> None:
    """What a file brought is not said to come from the student who scored before."""
    annotate_naturalness(pool.folder, scorer)
    rows = tmp_path / "scores.jsonl"
    rows.write_text(
        "".join(
            json.dumps({**row, "local_naturalness": -1.0}) + "\n" for row in scores(pool).values()
        )
    )
    words = ("annotate", "naturalness", "--pool", pool.folder)
    assert nt(*words, "--from", rows)[0] == 0
    assert "naturalness" not in open_pool(pool.folder).manifest
    code, _, err = nt(*words, "--student", student, "--window", "1")
    assert code == 2
    assert "has scores already, by a file; --overwrite replaces them" in err


def test_the_same_scores_however_much_is_run_at_once(pool: Pool, scorer: Scorer) -> None:
    annotate_naturalness(pool.folder, scorer)
    before = scores(pool)
    for shard in pool.shards("traces"):
        pool.sidecar("naturalness", shard).unlink()
    annotate_naturalness(pool.folder, scorer._replace(batch_tokens=29))
    for key, row in scores(pool).items():
        assert row == pytest.approx(before[key], abs=1e-4)


def test_scores_made_in_another_way_are_not_replaced_unasked(
    pool: Pool, student: Path, nt: Run
) -> None:
    words = ("annotate", "naturalness", "--pool", pool.folder, "--student", student, "--window")
    assert nt(*words, "1")[0] == 0
    before = scores(pool)
    code, _, err = nt(*words, "2")
    assert code == 2
    assert "has scores already, by student tiny" in err
    assert "window 1" in err
    assert "--overwrite replaces them" in err
    assert scores(pool) == before
    assert nt(*words, "2", "--overwrite")[0] == 0
    assert scores(pool) != before
    assert open_pool(pool.folder).manifest["naturalness"]["window"] == "2"


def test_a_pool_that_grows_is_scored_where_it_grew(
    pool: Pool, scorer: Scorer, tmp_path: Path, nt: Run
) -> None:
    annotate_naturalness(pool.folder, scorer)
    path = tmp_path / "more.jsonl"
    path.write_text(json.dumps({"question": "Why?", "reasoning": "So. Yes.", "answer": "Because."}))
    assert nt("import", path, "--pool", pool.folder)[0] == 0
    assert annotate_naturalness(pool.folder, scorer)[:1] == (1,)


def test_a_response_longer_than_the_context(
    tmp_path: Path, pool: Pool, student: Path, nt: Run
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(student)
    replies = [join_reply(trace["reasoning"], trace["answer"]) for trace in traces(pool)]
    prompt = prompt_text(tokenizer, "What is 3 + 5?")
    middle = sorted(len(tokenizer(prompt + reply).input_ids) for reply in replies)[7]
    short = changed(student, tmp_path / "short", max_position_embeddings=middle)
    code, out, _ = nt("annotate", "naturalness", "--pool", pool.folder, "--student", short)
    assert code == 0
    found = scores(pool)
    reasons = {row["not_scored"] for row in found.values()}
    assert reasons == {None, "longer than the student's context"}
    for row in found.values():
        assert (row["local_naturalness"] is None) == (row["not_scored"] is not None)
    number = sum(row["not_scored"] is not None for row in found.values())
    assert f"without a score: {number} (longer than the student's context)" in out


def test_what_is_no_number_is_an_error_with_the_id(pool: Pool, scorer: Scorer, nt: Run) -> None:
    with torch.no_grad():
        scorer.student.model.model.embed_tokens.weight[-100:] = float("nan")
    folder = pool.folder.parent / "nan"
    scorer.student.model.save_pretrained(folder)
    scorer.student.tokenizer.save_pretrained(folder)
    code, _, err = nt("annotate", "naturalness", "--pool", pool.folder, "--student", folder)
    assert code == 2
    ids = [trace["id"] for trace in traces(pool)]
    assert any(f"trace {key}: its log-probability is NaN or infinite" in err for key in ids)


def test_given_steps(pool: Pool, student: Path, nt: Run, tmp_path: Path) -> None:
    """Offsets from a file; those that the splitter finds give the same scores."""
    path = tmp_path / "steps.jsonl"
    rows = [
        {"id": t["id"], **{name: sentences(t[name]) for name in ("reasoning", "answer")}}
        for t in traces(pool)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("annotate", "naturalness", "--pool", pool.folder, "--student", student, "--overwrite")
    assert nt(*words)[0] == 0
    before = scores(pool)
    assert nt(*words, "--steps", path)[0] == 0
    assert scores(pool) == before
    assert nt(*words, "--steps", "paragraph")[0] == 0
    assert {row["num_steps"] for row in scores(pool).values()} == {2}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:-1]))
    code, _, err = nt(*words, "--steps", path)
    assert (code, err.count("\n")) == (2, 1)
    assert f"has no boundaries for the trace {rows[-1]['id']}" in err


BAD = {
    "--window=-1": "--window -1: how many steps before a step it sees",
    "--window=120%": "--window 120%: how many steps before a step it sees",
    "--steps=words": "--steps words: neither sentence nor paragraph, nor a file",
    "--batch-tokens=0": "--batch-tokens 0: 1 or more",
    "--device=gpu7": "--device gpu7: ",
    "--dtype=int8": "--dtype 'int8': ",
    "--student=/nothing/here": "--student /nothing/here: ",
}


@pytest.mark.parametrize("option", BAD)
def test_bad_options_are_one_line(option: str, pool: Pool, student: Path, nt: Run) -> None:
    words = ("annotate", "naturalness", "--pool", pool.folder, "--student", student)
    code, out, err = nt(*words, option)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert BAD[option] in err
    assert "naturalness" not in open_pool(pool.folder).annotations()


def changed(student: Path, folder: Path, **config: Any) -> Path:
    for path in student.iterdir():
        folder.mkdir(exist_ok=True)
        (folder / path.name).write_bytes(path.read_bytes())
    known = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(known | config))
    return folder


def test_students_that_cannot_score(pool: Pool, student: Path, tmp_path: Path, nt: Run) -> None:
    words = ("annotate", "naturalness", "--pool", pool.folder, "--student")
    untold = changed(student, tmp_path / "untold")
    (untold / "chat_template.jinja").unlink()
    slow = changed(student, tmp_path / "slow")
    (slow / "tokenizer.json").unlink()
    (slow / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "ByT5Tokenizer"}))
    refusing = changed(student, tmp_path / "refusing")
    (refusing / "chat_template.jinja").write_text("{{ raise_exception('never') }}")
    mamba = changed(student, tmp_path / "mamba", layer_types=["full_attention", "linear_attention"])
    for folder, said in (
        (untold, "has no chat template"),
        (slow, "its tokenizer, ByT5Tokenizer, does not tell to which characters a token belongs"),
        (refusing, "its chat template fails on a question: never"),
        (mamba, "has layers of linear_attention"),
        (pool.folder, "--student"),
    ):
        code, out, err = nt(*words, folder)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert said in err
    code, _, err = nt("annotate", "naturalness", "--pool", pool.folder)
    assert code == 2
    assert "needs --student MODEL, which scores, or --from FILE" in err


def test_without_the_extra(pool: Pool, nt: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    code, _, err = nt("annotate", "naturalness", "--pool", pool.folder, "--student", "any")
    assert code == 2
    assert "needs transformers: pip install 'naturalthoughts[natural]'" in err


def test_scores_of_your_own(pool: Pool, tmp_path: Path, nt: Run) -> None:
    path = tmp_path / "scores.jsonl"
    key = next(traces(pool))["id"]
    path.write_text(json.dumps({"id": key, "local_naturalness": -1.5, "global_naturalness": -1}))
    assert nt("annotate", "naturalness", "--pool", pool.folder, "--from", path)[0] == 0
    assert scores(pool)[key]["local_naturalness"] == -1.5
    path.write_text(json.dumps({"id": key, "local_naturalness": "NaN"}))
    code, _, err = nt("annotate", "naturalness", "--pool", pool.folder, "--from", path)
    assert code == 2
    assert "local_naturalness 'NaN' is no number" in err


def test_every_step_counts_alike() -> None:
    from builders.naturalness.scores import columns_of

    whole = np.array([-1, -3, -2, -6], np.float32)
    steps = [whole[a:b] for a, b in itertools.pairwise([0, 1, 2, 4])]
    row = columns_of(whole, steps)
    assert row["local_naturalness"] == pytest.approx(-8 / 3)
    assert row["global_naturalness"] == -3
    assert row["local_naturalness_skip_first"] == -6
    assert columns_of(whole[:2], steps[:2])["local_naturalness_skip_first"] is None
