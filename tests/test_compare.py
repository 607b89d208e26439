"""recipes/compare.py on synthetic results: what it says, what it refuses, what it writes."""

import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import compare
import obedience
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from preflight import Stop
from results import write_run
from synthetic_results import ROOT, record_of, samples_of, write_synthetic
from tallies import read_scored

SPLITS = (("demo_like", 0.99), ("demo_harder", 0.98), ("demo_unseen", 0.6))


class Page(HTMLParser):
    """The tags of a page, its text, its pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.pictures: list[bytes] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "img":
            kind, _, data = str(dict(attrs)["src"]).partition(",")
            assert kind == "data:image/png;base64"
            self.pictures.append(base64.b64decode(data))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three synthetic runs of GPQA and of the demo benchmark; the last is much better."""
    folder = tmp_path_factory.mktemp("results")
    made = []
    for luck, (name, skill) in enumerate((("plain", -0.5), ("alike", -0.45), ("better", 0.8))):
        tables = [samples_of(skill=skill, luck=luck)]
        tables += [
            samples_of(
                benchmark=split, skill=skill, luck=luck, obeys=obeys, questions=120, seeds=(0,)
            )
            for split, obeys in SPLITS
        ]
        made.append(write_synthetic(folder / name, pa.concat_tables(tables)))
    return made


@pytest.fixture(scope="module")
def report(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    compare.main([*map(str, runs), "--out", str(out)])
    return out


def one(folder: Path, name: str, *, changes: dict[str, Any] | None = None, **options: Any) -> str:
    """A small run in a single mode."""
    options = {"modes": ("think",), "questions": 40, "seeds": (0, 1)} | options
    return str(write_synthetic(folder / name, samples_of(**options), **(changes or {})))


def stopped(words: list[str], out: Path) -> str:
    with pytest.raises(Stop) as error:
        compare.main([*words, "--out", str(out)])
    assert not out.exists()
    assert "\n" not in str(error.value)
    return str(error.value)


# What it says


def test_the_table_has_the_numbers_of_the_samples(report: Path, runs: list[Path]) -> None:
    samples = pa.parquet.read_table(runs[2] / "samples.parquet")
    kept = (pc.field("benchmark") == "gpqa_diamond") & (pc.field("mode") == "no_think")
    rows = samples.filter(kept)
    score = 100 * pc.mean(rows["correct"].cast(pa.int8())).as_py()
    cut = 100 * pc.mean(rows["truncated"].cast(pa.int8())).as_py()
    means = rows.group_by("question_id").aggregate([("tokens", "mean")])
    by_question = (
        rows.append_column("right", rows["correct"].cast(pa.float64()))
        .group_by("question_id")
        .aggregate([("right", "mean")])["right_mean"]
    )
    error = 100 * pc.stddev(by_question, ddof=1).as_py() / 198**0.5
    cells = ["gpqa\\_diamond", "No-Think", "better", f"{score:.1f}", f"{error:.1f}"]
    cells += [f"{pc.mean(means['tokens_mean']).as_py():,.0f}", f"{cut:.1f}%", "198", "4"]
    assert f"| {' | '.join(cells)} |" in (report / "comparison.md").read_text()


def test_it_says_better_where_it_is_and_nothing_where_it_is_not(report: Path) -> None:
    lines = (report / "comparison.md").read_text().splitlines()
    said = [line for line in lines if line.startswith("| gpqa\\_diamond | Think |")]
    assert re.search(r"\| better is better than plain by \d+\.\d to \d+\.\d points \|", said[1])
    assert "plain and alike, not separable: " in said[0]
    assert "36 comparisons were made." in "\n".join(lines)


def test_identical_runs_are_not_separable(tmp_path: Path, capsys: Any) -> None:
    folders = [one(tmp_path, name) for name in ("a", "b")]
    compare.main([*folders, "--out", str(tmp_path / "out")])
    assert "a and b, not separable: they did alike on every question" in capsys.readouterr().out


def test_one_run_is_told_by_itself(runs: list[Path], tmp_path: Path, capsys: Any) -> None:
    compare.main([str(runs[0]), "--out", str(tmp_path / "out"), "--benchmarks", "demo"])
    told = capsys.readouterr().out
    assert "gpqa_diamond" not in told
    assert "plain: in demo_like, asked to think, it does in " in told
    assert "## Differences" not in (tmp_path / "out" / "comparison.md").read_text()


def test_fewer_questions_are_fewer_comparisons(
    runs: list[Path], tmp_path: Path, capsys: Any
) -> None:
    words = ["--against", "alike", "--modes", "think", "--benchmarks", "gpqa_diamond"]
    compare.main([*map(str, runs), *words, "--out", str(tmp_path / "out")])
    text = (tmp_path / "out" / "comparison.md").read_text()
    assert "2 comparisons were made." in text
    assert "better − alike" in text
    assert "better − plain" not in text


def test_the_run_to_compare_with_may_be_named_by_its_folder(
    runs: list[Path], tmp_path: Path
) -> None:
    for name, against in (("one", "alike"), ("two", str(runs[1]))):
        words = ["--benchmarks", "demo_like", "--modes", "think", "--against", against]
        compare.main([*map(str, runs), *words, "--out", str(tmp_path / name)])
    one, two = ((tmp_path / name / "comparison.md").read_text() for name in ("one", "two"))
    assert one == two


def test_the_same_runs_give_the_same_report(runs: list[Path], tmp_path: Path) -> None:
    words = [*map(str, runs[:2]), "--benchmarks", "gpqa_diamond"]
    for out in ("one", "two"):
        compare.main([*words, "--out", str(tmp_path / out)])
    for name in ("comparison.md", "comparison.html", "pictures/gpqa_diamond-domain.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


# Do the modes work?


def test_obedience_is_counted(runs: list[Path]) -> None:
    (run,) = read_scored(runs[:1])
    found = {one.benchmark: one for one in obedience.obedience(run)}
    tally = run.tallies["demo_unseen", "no_think"]
    share = found["demo_unseen"].no_think
    assert share is not None
    assert share.share == pytest.approx(1 - tally.thought.mean())
    assert share.low < share.share < share.high
    assert share.questions == 120


def test_control_that_is_lost_elsewhere_is_said(report: Path) -> None:
    text = (report / "comparison.md").read_text()
    pattern = r"plain: on families never trained on \(demo\\_unseen\) it obeys No-Think "
    assert re.search(pattern + r"\d+\.\d to \d+\.\d points less often", text)
    assert r"plain: on harder problems (demo\_harder) it obeys Think as often" in text


def test_adaptive_is_told_by_difficulty(report: Path, runs: list[Path]) -> None:
    (run,) = read_scored(runs[:1])
    levels = [one for one in obedience.by_difficulty(run) if one.benchmark == "gpqa_diamond"]
    assert [one.difficulty for one in levels] == ["2", "3", "4", "5"]
    assert sum(one.questions for one in levels) == 198
    thought, tokens = [one.thought for one in levels], [one.tokens for one in levels]
    correct = [one.correct for one in levels]
    assert thought == sorted(thought)  # as the synthetic student does
    assert tokens[0] < tokens[-1]
    assert correct == sorted(correct, reverse=True)
    row = f"| plain | gpqa\\_diamond | 5 | {levels[3].questions} | {100 * thought[3]:.1f}% |"
    assert row in (report / "comparison.md").read_text()


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    [(1.0, 100, 0.9630, 1.0), (0.0, 100, 0.0, 0.0370), (0.5, 40, 0.3520, 0.6480)],
)
def test_wilsons_interval(share: float, n: int, low: float, high: float) -> None:
    found = obedience.wilson(share, n)
    assert (found.low, found.high) == (
        pytest.approx(low, abs=1e-4),
        pytest.approx(high, abs=1e-4),
    )


def test_newcombes_interval() -> None:
    """The example of his paper: 56 of 70 and 48 of 80, method 10."""
    low, high = obedience.change(obedience.wilson(48 / 80, 80), obedience.wilson(56 / 70, 70))
    assert (low, high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))


# What it refuses


def test_a_folder_without_results(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    told = stopped([str(tmp_path / "empty")], tmp_path / "out")
    assert "holds no results" in told
    assert "python recipes/eval.py" in told


def test_results_of_another_format(tmp_path: Path) -> None:
    folder = Path(one(tmp_path, "a"))
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"format": 99}))
    assert "it says format 99" in stopped([str(folder)], tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        ({"prompt_hash": {"think": "9999"}}, "prompts", "think of gpqa_diamond was not prompted"),
        ({"data_revision": "9999"}, "data", "the data of gpqa_diamond is not the same"),
        ({"max_new_tokens": 9999}, "limits", "the longest reply to gpqa_diamond is not the same"),
    ],
)
def test_unlike_runs_are_refused_unless_asked_for(
    change: dict[str, Any], kind: str, told: str, tmp_path: Path, capsys: Any
) -> None:
    words = [one(tmp_path, "a"), one(tmp_path, "b", luck=2, changes=change)]
    message = stopped(words, tmp_path / "out")
    assert message.startswith(told)
    assert "9999 in b" in message
    assert message.endswith(f"--allow {kind}")
    compare.main([*words, "--allow", kind, "--out", str(tmp_path / "out")])
    note = "A difference may come from that, and not from the student."
    assert note in (tmp_path / "out" / "comparison.md").read_text()
    assert note in capsys.readouterr().out


def test_what_was_not_recorded_is_not_taken_for_equal(tmp_path: Path) -> None:
    words = [one(tmp_path, name, changes={"prompt_hash": {}}) for name in ("a", "b")]
    assert "not recorded in a, not recorded in b" in stopped(words, tmp_path / "out")


def test_other_sampling_is_told(tmp_path: Path, capsys: Any) -> None:
    changes = {"sampling": {"temperature": 0.7, "top_p": 1.0}}
    words = [one(tmp_path, "a"), one(tmp_path, "b", changes=changes)]
    compare.main([*words, "--out", str(tmp_path / "out")])
    told = (
        "sampling of gpqa_diamond of a and b differ: temperature 0.6, top_p 0.95; temperature 0.7"
    )
    assert told in capsys.readouterr().out


def test_runs_without_common_seeds(tmp_path: Path) -> None:
    words = [one(tmp_path, "a"), one(tmp_path, "b", seeds=(5, 6, 7))]
    assert stopped(words, tmp_path / "out") == (
        "a and b have no seeds of gpqa_diamond in mode think in common: 40 questions with the "
        "seeds 0-1, and 40 with 5-7; evaluate one of them as the other was"
    )


def test_runs_without_common_questions_or_benchmarks(tmp_path: Path) -> None:
    samples = samples_of(modes=("think",), questions=40, seeds=(0, 1))
    names = pa.array([f"other {name}" for name in samples["question_id"].to_pylist()])
    samples = samples.set_column(1, "question_id", names)
    folder = write_synthetic(tmp_path / "b", samples)
    words = [one(tmp_path, "a"), str(folder)]
    assert "have no questions of gpqa_diamond" in stopped(words, tmp_path / "out")
    words = [words[0], one(tmp_path, "c", benchmark="math_500")]
    assert "have no benchmark in common" in stopped(words, tmp_path / "out")


def test_what_only_one_run_has_is_left_out_and_said(tmp_path: Path, capsys: Any) -> None:
    words = [one(tmp_path, "a", seeds=(0, 1, 2)), one(tmp_path, "b", questions=30)]
    compare.main([*words, "--out", str(tmp_path / "out")])
    told = capsys.readouterr().out
    assert "a and b are compared on 30 questions and 2 seeds in common; a has 40 and 3." in told


def test_a_run_that_is_not_finished_is_said(tmp_path: Path, capsys: Any) -> None:
    samples = samples_of(modes=("think",), questions=40, seeds=(0, 1)).slice(0, 79)
    folder = write_synthetic(tmp_path / "a", samples)
    compare.main([str(folder), "--out", str(tmp_path / "out")])
    assert "a is not finished: 1 of 80 samples of gpqa_diamond in mode think are missing" in (
        capsys.readouterr().out
    )


def test_a_sample_that_is_there_twice(tmp_path: Path) -> None:
    samples = samples_of(modes=("think",), questions=40, seeds=(0, 1))
    folder = tmp_path / "a"
    write_run(folder, record_of("a", samples), pa.concat_tables([samples, samples.slice(0, 1)]))
    assert "holds question q00000 with seed 0 2 times" in stopped([str(folder)], tmp_path / "out")


def test_runs_of_one_name_are_told_apart_and_no_run_is_compared_with_itself(
    tmp_path: Path, capsys: Any
) -> None:
    a, b = one(tmp_path / "x", "same"), one(tmp_path / "y", "same", luck=1)
    compare.main([a, b, "--out", str(tmp_path / "out")])
    assert f"same ({a})" in capsys.readouterr().out
    assert "is named twice" in stopped([a, a], tmp_path / "other")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--against", "nobody"), "no run is called 'nobody'; they are: a, b"),
        (("--benchmarks", "mmlu"), "no run has samples of mmlu; there are: gpqa_diamond"),
        (("--modes", "loud"), "--modes loud: unknown; it may be think, adaptive, no_think"),
        (("--allow", "all"), "--allow all: unknown; it may be prompts, data, limits"),
    ],
)
def test_a_word_that_nobody_knows(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    folders = [one(tmp_path, name) for name in ("a", "b")]
    assert stopped([*folders, *words], tmp_path / "out") == told


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    folder = one(tmp_path, "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(Stop, match=r"the report cannot be written to .*file: "):
        compare.main([folder, "--out", str(tmp_path / "file")])


def test_errors_are_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "recipes" / "compare.py", "nowhere", "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: nowhere holds no results")
    assert len(done.stderr.splitlines()) == 1


# The pages


def test_one_page_has_everything_in_it(report: Path) -> None:
    text = (report / "comparison.html").read_text()
    page = Page(text)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert not [value for name, value in page.attributes if value and "://" in value]
    assert len(page.pictures) == 9  # the tradeoff; domain and difficulty of four benchmarks
    for data in page.pictures:
        with Image.open(BytesIO(data)) as image:
            assert image.format == "PNG"
            image.load()
    assert "Synthetic benchmark" in page.text
    assert "Content-Security-Policy" in text


def test_the_markdown_shows_the_pictures_beside_it(report: Path) -> None:
    tokens = MarkdownIt().enable("table").parse((report / "comparison.md").read_text())
    inline = [child for token in tokens for child in token.children or []]
    shown = [str(child.attrs["src"]) for child in inline if child.type == "image"]
    assert len(shown) == 9
    for path in shown:
        assert (report / path).is_file()
    assert sum(token.type == "table_open" for token in tokens) == 6


NASTY = (
    "<script>alert(1)</script> | `x` [a](javascript:b) **c** \x1b[31m \u202e $\\frac{1}{0}$ 思考"
)


def test_what_data_says_stays_text(tmp_path: Path, capsys: Any) -> None:
    """Names of runs, benchmarks, domains, difficulties: a warning is an error here."""
    folders = []
    for luck, name in enumerate(("a", "b")):
        samples = samples_of(
            benchmark=NASTY, questions=40, luck=luck, domains=(NASTY, "plain", "x" * 500)
        )
        record = record_of(f"{name} {NASTY}", samples)
        record |= {"model": NASTY, "engine": NASTY, "versions": {NASTY: NASTY}}
        write_run(tmp_path / name, record, samples)
        folders.append(str(tmp_path / name))
    compare.main([*folders, "--out", str(tmp_path / "out")])
    assert "\x1b" not in capsys.readouterr().out
    page = Page((tmp_path / "out" / "comparison.html").read_text())
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    assert not {name for name, _ in page.attributes if name.startswith("on")}
    text = (tmp_path / "out" / "comparison.md").read_text()
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    types = {c.type for token in tokens for c in token.children or []}
    assert not types & {"html_inline", "link_open", "strong_open", "code_inline"}
    assert not {token.type for token in tokens} & {"html_block"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "comparison.html",
        "comparison.md",
        "pictures",
    ]


WITHOUT_MATPLOTLIB = """
import runpy, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
sys.path.insert(0, "recipes")
sys.argv = ["compare.py", *sys.argv[1:]]
runpy.run_path("recipes/compare.py", run_name="__main__")
"""


def test_without_matplotlib_the_numbers_are_the_same(runs: list[Path], tmp_path: Path) -> None:
    words = [*map(str, runs[:2]), "--benchmarks", "gpqa_diamond"]
    program = [sys.executable, "-W", "error", "-c", WITHOUT_MATPLOTLIB]
    done = subprocess.run(
        [*program, *words, "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Pictures are missing: matplotlib is not installed" in done.stdout
    compare.main([*words, "--out", str(tmp_path / "with")])
    both = [(tmp_path / name / "comparison.md").read_text() for name in ("out", "with")]
    numbers = [[line for line in text.splitlines() if line.startswith("|")] for text in both]
    assert numbers[0] == numbers[1]
    assert not (tmp_path / "out" / "pictures").exists()
