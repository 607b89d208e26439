"""Take results to where people look: the student's card, and the table of recipes/README.md.

    python recipes/publish_results.py results/student --card out/student     # a folder
    python recipes/publish_results.py results/student --card ORG/student     # one on the Hub
    python recipes/publish_results.py results/* --readme recipes/README.md

A card gets a table, the Hub's evaluation results in its metadata, and for benchmarks of the Hub a
file in `.eval_results/`. Run it again after more seeds, and what stands there is replaced.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import launching
import yaml
from model_card import plain
from needs import SCORES
from preflight import Stop
from questions import BENCHMARKS
from results import Run, read_run
from scores import Scores, scores_of

COMMIT = re.compile("[0-9a-f]{40}")
COLUMNS = ["benchmark", "question_id", "mode", "seed", "correct", "tokens", "thought", "truncated"]
MARK = ("<!-- evaluation -->", "<!-- end of evaluation -->")
FILE = ".eval_results/naturalthoughts.yaml"


class Result(NamedTuple):
    """A run and its scores."""

    run: Run
    scores: list[Scores]


def main(words: list[str]) -> None:
    """Read the runs, write where it was asked for."""
    told = argparse.ArgumentParser(
        prog="publish_results.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    told.error = launching.refuse  # type: ignore[method-assign]
    told.add_argument("results", nargs="+", type=Path, help="folders of eval.py")
    told.add_argument("--card", help="the student's folder, or its id on the Hub")
    told.add_argument("--readme", type=Path, help="a page with a table of results")
    options = told.parse_args(words)
    if not (options.card or options.readme):
        raise Stop("where to? --card out/student, or --readme recipes/README.md")
    runs = [read_run(folder, columns=COLUMNS) for folder in options.results]
    results = [Result(run, scores_of(run)) for run in runs]
    if options.readme:
        write_readme(options.readme, results)
        print(f"the table is in {options.readme}")
    if options.card:
        if len(results) > 1:
            raise Stop(f"a card takes one run, and {len(results)} are named")
        print(f"the card is in {write_card(options.card, results[0])}")


# The card


def write_card(card: str, result: Result) -> str:
    """Write results into a card, here or on the Hub; where it is then."""
    folder = Path(card)
    if folder.is_dir():
        files = card_files(folder / "README.md", folder.name, result)
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return str(folder / "README.md")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", card):
        raise Stop(f"--card {card}: there is no such folder, and it is no id on the Hub (ORG/NAME)")
    return _commit(card, result)


def card_files(path: Path, name: str, result: Result) -> dict[str, str]:
    """The files of a card with the results in them; what people wrote stays."""
    from huggingface_hub import EvalResult, ModelCard, eval_result_entries_to_yaml

    if not path.is_file():
        raise Stop(f"there is no card {path}; sft.py writes one beside the student's weights")
    card = ModelCard.load(path)
    ours = [EvalResult(**told) for told in model_index(result)]
    others = [
        one for one in card.data.eval_results or [] if not (one.task_name or "").startswith(TASK)
    ]
    card.data.model_name = card.data.model_name or name
    card.data.eval_results = [*others, *ours]
    section = f"{MARK[0]}\n## Evaluation\n\n{table(result)}\n{MARK[1]}"
    card.text = _between(card.text, MARK, section)
    files = {"README.md": str(card)}
    if entries := hub_entries(result):
        files[FILE] = yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False)
    return files


TASK = "naturalthoughts: "


def model_index(result: Result) -> list[dict[str, Any]]:
    """The Hub's evaluation results, as a card's metadata holds them."""
    found = []
    for score in result.scores:
        told = result.run.record["benchmarks"][score.benchmark]
        known = BENCHMARKS.get(score.benchmark)
        data = {
            "task_type": "text-generation",
            "task_name": f"{TASK}{score.benchmark}, mode {score.mode}",
            "dataset_name": score.benchmark,
            "dataset_type": (known.hub_id if known else None) or score.benchmark,
            "dataset_config": score.mode,
            "dataset_revision": told["data_revision"],
        }
        for metric, value in (
            ("accuracy", 100 * score.accuracy),
            ("tokens", score.tokens),
            ("truncated", 100 * score.truncated),
        ):
            name = f"{metric}, {score.seeds} seeds x {score.questions} questions"
            found.append(
                {**data, "metric_type": metric, "metric_name": name,
                 "metric_value": round(value, 2)}
            )  # fmt: skip
    return found


def hub_entries(result: Result) -> list[Any]:
    """Results on data of the Hub whose commit is known, for the Hub's leaderboards."""
    from huggingface_hub import EvalResultEntry

    found = []
    for score in result.scores:
        told = result.run.record["benchmarks"][score.benchmark]
        known = BENCHMARKS.get(score.benchmark)
        if known is None or told["data"] != known.hub_id:
            continue
        if COMMIT.fullmatch(told["data_revision"] or "") is None:
            continue
        found.append(
            EvalResultEntry(
                dataset_id=known.hub_id,
                task_id=known.subset or "default",
                value=round(100 * score.accuracy, 2),
                dataset_revision=told["data_revision"],
                notes=f"mode {score.mode}, {score.seeds} seeds x {score.questions} questions, "
                f"standard error {100 * score.standard_error:.2f}",
            )
        )
    return found


def _commit(repo: str, result: Result) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
    )

    api = HfApi()
    try:
        head = api.model_info(repo).sha
        path = Path(hf_hub_download(repo, "README.md", revision=head))
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch) / "README.md"
            copy.write_bytes(path.read_bytes())
            files = card_files(copy, repo.partition("/")[2], result)
        commit = api.create_commit(
            repo,
            [CommitOperationAdd(name, text.encode()) for name, text in files.items()],
            commit_message="Evaluation results",
            parent_commit=head,  # nobody else's change is overwritten
        )
    except EntryNotFoundError as error:
        raise Stop(f"{repo} has no card; sft.py --push_to_hub makes one") from error
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError) as error:
        told = " ".join(str(error).split())[:300]
        raise Stop(f"the Hub did not take it: {told}; the same command tries again") from error
    return str(commit.commit_url)


# Tables


def table(result: Result) -> str:
    """The scores of one run, and under what they were made."""
    record = result.run.record
    lines = [
        "| benchmark | mode | accuracy | tokens | thinks | cut | seeds x questions |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {plain(one.benchmark)} | {one.mode} | {accuracy(one)} | {one.tokens:,.0f} "
        f"| {one.thought:.0%} | {one.truncated:.1%} | {one.seeds} x {one.questions:,} |"
        for one in result.scores
    ]
    limits = {told["max_new_tokens"] for told in record["benchmarks"].values()}
    how = next(iter(record["benchmarks"].values()))["sampling"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return "\n".join(
        [
            *lines,
            "",
            "Accuracy in percent, with its standard error clustered by question. A reply that was "
            "cut by the length is wrong.",
            f"Temperature {how['temperature']}, top-p {how['top_p']}, at most "
            f"{' or '.join(f'{limit:,}' for limit in sorted(limits))} new tokens; "
            f"{plain(record['engine'])}, {record['dtype']}; {plain(versions)}.",
        ]
    )


def accuracy(score: Scores) -> str:
    """``61.3 ± 0.6``."""
    return f"{100 * score.accuracy:.1f} ± {100 * score.standard_error:.1f}"


def write_readme(path: Path, results: Sequence[Result]) -> None:
    """Add the runs to the table of a page; a run of the same name is replaced."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    start, end = ("<!-- results -->", "<!-- end of results -->")
    if start not in text or end not in text:
        raise Stop(f"{path} has no place for results: the lines {start} and {end}")
    head = [
        "| run | trained on | benchmark | mode | accuracy | tokens | cut | seeds x questions "
        "| the paper's |",
        "|---|---|---|---|---:|---:|---:|---:|---|",
    ]
    names = {f"| {plain(result.run.name)} |" for result in results}
    old = text.partition(start)[2].partition(end)[0].strip().split("\n")[2:]
    kept = [line for line in old if not any(line.startswith(name) for name in names)]
    new = [line for result in results for line in _rows(result)]
    section = "\n".join([start, *head, *sorted({*kept, *new}), end])
    path.write_text(_between(text, (start, end), section), encoding="utf-8")


def _rows(result: Result) -> list[str]:
    record = result.run.record
    config = (record.get("trained_on") or {}).get("data_config")
    run = f"| {plain(result.run.name)} | {plain(config or '–')} "
    return [
        f"{run}| {plain(one.benchmark)} | {one.mode} | {accuracy(one)} | {one.tokens:,.0f} "
        f"| {one.truncated:.1%} | {one.seeds} x {one.questions:,} "
        f"| {papers(config, one.benchmark)} |"
        for one in result.scores
    ]


def papers(config: str | None, benchmark: str) -> str:
    """The paper's score of the config, of its own data and Llama-3.1-8B."""
    names = ("gpqa_diamond", "math_500")
    told = SCORES.get(f"llama-3.1-8b/{config}", "").split(", ")
    if benchmark not in names or len(told) != len(names):
        return ""
    score = told[names.index(benchmark)]
    return "" if score == "–" else f"{score} (Llama-3.1-8B)"


def _between(text: str, marks: tuple[str, str], section: str) -> str:
    """The text with a section between its marks, in place of the older one."""
    start, end = marks
    if start in text and end in text:
        before, _, rest = text.partition(start)
        return before + section + rest.partition(end)[2]
    return f"{text.rstrip()}\n\n{section}\n"


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Stop as error:
        launching.fail(error)
