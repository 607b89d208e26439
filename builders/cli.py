"""The command line, `nt`: parses words, calls one documented function, prints what it returned.

Exit codes: 0 done; 1 a bug of ours; 2 the user's mistake, said in one line; 130 Ctrl-C.
"""

import argparse
import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from builders import __version__
from builders.errors import NTError

_EXAMPLES = """\
examples:
  nt import demo --rows 50000 --pool pool     the synthetic demo
  nt import traces.jsonl --pool pool          your own traces; also .json, .csv, .parquet, a folder
  nt import ORG/NAME --pool pool              a data set on the Hub
  nt list --pool pool                         what this pool can fill, and why not the rest
  nt build --pool pool --out nt               every config that the pool can fill
"""


_STOPPED = threading.Event()


def main(argv: Sequence[str] | None = None) -> int:
    """Run `nt` with these words; returns the exit code."""
    arguments = parser().parse_args(argv)
    _STOPPED.clear()
    before = signal.signal(signal.SIGINT, _stop)
    try:
        code: int = arguments.run(arguments)
        return code
    except (NTError, OSError) as error:  # OSError: a full disk, a folder that is not yours
        if isinstance(error, BrokenPipeError):  # `nt list | head` closed our output
            sys.stderr.close()
            return 0
        print(f"nt: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nnt: stopped. {arguments.after_interrupt}", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, before)


def _stop(signal_number: int, frame: object) -> None:
    """Ctrl-C. What is raised in a destructor is lost, so `_bar` looks whether it was pressed."""
    _STOPPED.set()
    raise KeyboardInterrupt


def parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    top = argparse.ArgumentParser(
        prog="nt",
        description="Build data sets of reasoning traces that teach a small model to reason.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"naturalthoughts {__version__}")
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_import(verbs)
    _add_annotate(verbs)
    _add_list(verbs)
    _add_build(verbs)
    return top


def _add_import(verbs: Any) -> None:
    verb = verbs.add_parser(
        "import",
        help="add questions and traces to a pool",
        description="Add questions and traces to a pool, making the pool if it is not there. "
        "Rows that cannot be used are dropped with a reason, counted and listed; rows that are in "
        "the pool already are not added again. Recognised by their columns: natural_reasoning, "
        "OpenThoughts3, OpenThoughts-114k, Mixture-of-Thoughts, LIMO, s1K, s1K-1.1, GSM8K, and "
        "'question' with 'reasoning' and 'answer', or with 'response' (inline <think>), or alone.",
    )
    verb.add_argument(
        "source",
        help="a .jsonl, .json, .csv or .parquet file, a folder of them, the id of a Hub data set, "
        "or 'demo'",
    )
    verb.add_argument("--pool", required=True, type=Path, metavar="FOLDER", help="the pool")
    verb.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="which column is the question, reasoning, answer, response …; repeatable",
    )
    verb.add_argument("--source", dest="origin", metavar="NAME", help="origin to record")
    verb.add_argument("--license", metavar="ID", help="licence to record where rows do not say")
    verb.add_argument("--teacher", metavar="NAME", help="teacher to record where rows do not say")
    verb.add_argument(
        "--tokenizer",
        metavar="NAME",
        help="what counts tokens: 'words' (the default, offline), a tokenizer.json, or a Hub id",
    )
    verb.add_argument("--subset", metavar="NAME", help="the config of a Hub data set")
    verb.add_argument("--split", help="the split of a Hub data set (default train)")
    verb.add_argument("--revision", metavar="REV", help="branch, tag or commit of a Hub data set")
    verb.add_argument(
        "--rows", type=_count, metavar="N", help="how many rows the demo writes (default 50000)"
    )
    verb.add_argument("--seed", type=_count, metavar="N", help="seed of the demo (default 0)")
    verb.set_defaults(
        run=_import,
        after_interrupt="Whole shards are kept; run the same command again to add the rest.",
    )


def _add_annotate(verbs: Any) -> None:
    verb = verbs.add_parser(
        "annotate",
        help="add labels to the questions or traces of a pool",
        description="Add labels from a file: rows with a key ('id' of a trace, 'question_id' or "
        "'question') and the columns of the annotation. Labels that are there already stay, unless "
        "the file says otherwise.",
    )
    verb.add_argument("name", help="domain, clusters, strategies, verbosity or disagreement")
    verb.add_argument("--pool", required=True, type=Path, metavar="FOLDER", help="the pool")
    verb.add_argument(
        "--from",
        dest="file",
        required=True,
        metavar="FILE",
        help="labels: .jsonl, .json, .csv or .parquet",
    )
    verb.set_defaults(
        run=_annotate, after_interrupt="Run the same command again to label the rest."
    )


def _add_list(verbs: Any) -> None:
    verb = verbs.add_parser(
        "list",
        help="show the configs, and what a pool can fill",
        description="Show the published configs with their rules; with --pool, which of them the "
        "pool can fill, and what is missing for the others.",
    )
    verb.add_argument("--pool", type=Path, metavar="FOLDER", help="a pool to look at")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(run=_list, after_interrupt="Nothing was changed.")


def _add_build(verbs: Any) -> None:
    verb = verbs.add_parser(
        "build",
        help="build a release from a pool",
        description="Write a release: a folder that load_dataset reads, with a data card and a "
        "manifest. It replaces an older release at once, or not at all. The same pool, seed and "
        "configs give the same bytes.",
    )
    verb.add_argument("--pool", required=True, type=Path, metavar="FOLDER", help="the pool")
    verb.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="the release")
    verb.add_argument("--seed", type=_count, default=0, metavar="N", help="seed (default 0)")
    verb.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="NAME",
        help="build exactly these, of any size (disagree-2k, long-500); repeatable; by default "
        "every published config that the pool can fill",
    )
    verb.set_defaults(run=_build, after_interrupt="The release is as it was before.")


def _import(arguments: argparse.Namespace) -> int:
    from builders.importing import import_demo, import_source

    def progress(total: int | None) -> Callable[[Iterable[Any]], Iterable[Any]]:
        return lambda records: _bar(records, "importing", " rows", total)

    _refuse_idle_options(arguments)
    if arguments.source == "demo":
        rows = 50_000 if arguments.rows is None else arguments.rows
        report = import_demo(
            arguments.pool,
            rows=rows,
            seed=arguments.seed or 0,
            tokenizer=arguments.tokenizer,
            progress=progress(rows),
        )
    else:
        source = _open(arguments)
        report = import_source(
            source,
            arguments.pool,
            tokenizer=arguments.tokenizer,
            progress=progress(source.total),
        )
        print(f"{source.name}: read as '{source.layout}'")
        if report.read_before:
            print(f"went on behind row {report.read_before:,}, where an import was cut off")
    dropped = sum(report.dropped.values())
    second = f", {report.second_answers_added:,} second answers"
    print(
        f"{arguments.pool}: {report.traces_added:,} traces and {report.questions_added:,} "
        f"questions{second if report.second_answers_added else ''} added, "
        f"{report.already_there:,} rows already there, {dropped:,} dropped"
    )
    for reason, rows in report.dropped.items():
        print(f"  dropped {rows:,}: {_drop_reason(reason)}")
    if dropped:
        print(f"  each is listed in {arguments.pool / 'dropped'}")
    print(f"next: nt list --pool {_quoted(arguments.pool)}")
    return 0


def _refuse_idle_options(arguments: argparse.Namespace) -> None:
    """An option that does nothing would leave its user in the belief that it did."""
    from builders.errors import BadOption

    of_demo = {"--rows": arguments.rows, "--seed": arguments.seed}
    of_hub = {
        "--subset": arguments.subset,
        "--split": arguments.split,
        "--revision": arguments.revision,
    }
    of_traces = {
        "--column": arguments.column or None,
        "--source": arguments.origin,
        "--license": arguments.license,
        "--teacher": arguments.teacher,
    }
    if arguments.source == "demo":
        idle, why = of_hub | of_traces, "the demo does not have that option"
    elif Path(arguments.source).exists():
        idle, why = of_demo | of_hub, "is not for files"
    else:
        idle, why = of_demo, "is for the demo only"
    for option, value in idle.items():
        if value is not None:
            raise BadOption(f"{option}: {why}")


def _open(arguments: argparse.Namespace) -> Any:
    from builders.sources.opening import open_source

    return open_source(
        arguments.source,
        columns=dict(_pair(text) for text in arguments.column),
        source=arguments.origin,
        license=arguments.license,
        teacher=arguments.teacher,
        subset=arguments.subset,
        split=arguments.split or "train",
        revision=arguments.revision,
    )


def _annotate(arguments: argparse.Namespace) -> int:
    from builders.annotating import annotate_from

    report = annotate_from(
        arguments.pool,
        arguments.name,
        arguments.file,
        progress=lambda rows: _bar(rows, "reading", " rows"),
    )
    print(
        f"{arguments.pool}: {report.labelled:,} of {report.rows:,} rows have '{arguments.name}'; "
        f"{report.unmatched:,} labels found no row"
    )
    print(f"next: nt list --pool {_quoted(arguments.pool)}")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from builders.listing import describe_configs, describe_pool

    if arguments.pool is None:
        described: Any = {"configs": describe_configs()}
    else:
        described = describe_pool(arguments.pool)
    if arguments.json:
        print(json.dumps(described, indent=2, ensure_ascii=False))
        return 0
    if arguments.pool is not None:
        _print_pool(arguments.pool, described)
    _print_configs(described["configs"])
    if arguments.pool is None:
        print("next: nt list --pool POOL, or nt build --pool POOL --out nt")
    else:
        print(f"next: nt build --pool {_quoted(arguments.pool)} --out nt")
    return 0


def _print_pool(folder: Path, pool: dict[str, Any]) -> None:
    print(
        f"{folder}: {pool['usable_rows']:,} traces of {pool['questions']:,} questions "
        f"({pool['questions_without_traces']:,} without a trace); {pool['rows']:,} rows came in"
    )
    for reason, rows in pool["dropped"].items():
        print(f"  dropped {rows:,}: {_drop_reason(reason)}")
    print(f"  annotated: {', '.join(pool['annotations']) or 'nothing'}")
    print()


def _print_configs(configs: list[dict[str, Any]]) -> None:
    width = max(len(config["name"]) for config in configs)
    for config in configs:
        name, rows = f"{config['name']:<{width}}", f"{config['size']:>7,}"
        if "can_be_filled" not in config:
            print(f"{name}  {rows}  {config['rule']}")
        elif config["can_be_filled"]:
            print(f"{name}  {rows}  yes  {config['eligible']:,} eligible")
        else:
            print(f"{name}  {rows}  no   {config['why_not']}")
    print()


def _build(arguments: argparse.Namespace) -> int:
    from builders.build import build

    release = build(
        arguments.pool,
        arguments.out,
        configs=arguments.config,
        seed=arguments.seed,
        progress=lambda items, what: _bar(items, what),
    )
    configs = release.manifest["configs"]
    width = max(len(config["name"]) for config in configs)
    print(f"{'config':<{width}}     rows  mean tokens  System-2")
    for config in configs:
        print(
            f"{config['name']:<{width}}  {config['rows']:>7,}  {config['mean_tokens']:>11,}  "
            f"{config['think_share']:>8.0%}"
        )
    if release.skipped:
        skipped = _plural(len(release.skipped), "config")
        print(f"{skipped} cannot be filled; why: nt list --pool {_quoted(arguments.pool)}")
    size = sum(config["download_size"] for config in configs)
    built = _plural(len(configs), "config")
    print(f"{arguments.out}: {built}, {size / 1e6:,.1f} MB, card in README.md")
    load = f"load_dataset({str(arguments.out)!r}, {configs[0]['name']!r})"
    program = f"from datasets import load_dataset; print({load})".replace("'", '"')
    print(f"next: python -c {_quoted(program)}")
    return 0


def _drop_reason(reason: str) -> str:
    from builders.sources import DROP_REASONS

    return f"{reason} ({DROP_REASONS[reason]})"


def _pair(text: str) -> tuple[str, str]:
    from builders.errors import BadOption

    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise BadOption(f"--column {text}: write it as OURS=THEIRS, say question=prompt")
    return ours, theirs


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**64:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0 to 2^64 - 1")
    return number


def _quoted(text: object) -> str:
    """A word as the shell reads it."""
    return shlex.quote(str(text))


def _one_line(error: Exception) -> str:
    """A message of ours or of a library, without line breaks and control characters."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(error).split()))


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _bar(
    items: Iterable[Any], what: str, unit: str = " done", total: int | None = None
) -> Iterable[Any]:
    """A progress bar after two seconds, where a person is watching."""
    from tqdm import tqdm

    for item in tqdm(items, desc=what, unit=unit, total=total, delay=2, disable=None, leave=False):
        if _STOPPED.is_set():
            raise KeyboardInterrupt
        yield item


if __name__ == "__main__":
    sys.exit(main())
