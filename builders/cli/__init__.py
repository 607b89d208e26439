"""The command line, `nt`: parses words, calls one documented function, prints what it returned."""

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import Any

from builders import __version__
from builders.cli import (
    annotate,
    build,
    console,
    decontaminate,
    dedup,
    diff,
    generate,
    import_,
    list_,
    pull,
    push,
    report,
    status,
    stop,
    teachers,
    verify,
)
from builders.errors import NTError

_EXAMPLES = """\
examples:
  nt import demo --rows 50000 --pool pool     the synthetic demo
  nt import traces.jsonl --pool pool          your own traces; also .json, .csv, .parquet, a folder
  nt import ORG/NAME --pool pool              a data set on the Hub
  nt generate --pool pool --teacher MODEL --base-url http://host:8080   ask for missing traces
  nt dedup --pool pool                        leave out questions that repeat another one
  nt decontaminate --pool pool --against math_500   leave out questions of a benchmark
  nt list --pool pool                         what this pool can fill, and why not the rest
  nt report difficulty --pool pool            is disagreement a proxy for difficulty?
  nt build --pool pool --out nt               every config that the pool can fill
  nt push nt ORG/nt --tag v1.0.0              publish it on the Hub
  nt pull ORG/nt@v1.0.0 --out nt              fetch a release; see also nt verify, nt diff

exit codes:
  0    done
  1    a bug of ours, with its traceback
  2    something that you can mend, said in one line
  130  stopped with Ctrl-C; what was finished is kept
"""

VERBS = {
    "import": import_,
    "generate": generate,
    "annotate": annotate,
    "dedup": dedup,
    "decontaminate": decontaminate,
    "list": list_,
    "report": report,
    "teachers": teachers,
    "build": build,
    "push": push,
    "verify": verify,
    "diff": diff,
    "pull": pull,
    "status": status,
    "stop": stop,
}
"""Of each verb the module that adds its words, its function and its output."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `nt` with these words; returns the exit code."""
    arguments = argparse.Namespace(after_interrupt="")
    console.STOPPED.clear()
    before = signal.signal(signal.SIGINT, console.stop)
    try:
        parser().parse_args(argv, arguments)
        code: int = arguments.run(arguments)
        return code
    except (NTError, OSError) as error:  # OSError: a folder that is not yours
        if isinstance(error, BrokenPipeError):  # `nt list | head` closed our output
            sys.stderr.close()
            return 0
        print(f"nt: {console.one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nnt: stopped. {arguments.after_interrupt}", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, before)


def parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    import shtab

    top = console.Parser(
        prog="nt",
        description="Build data sets of reasoning traces that teach a small model to reason.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"naturalthoughts {__version__}")
    shtab.add_argument_to(
        top, "--print-completion", help="print the completion script of this shell"
    )
    verbs: Any = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        added: argparse.ArgumentParser = verb.add_to(verbs, name)
        console.add_output_options(added)
    return top
