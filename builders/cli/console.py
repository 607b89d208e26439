"""What the verbs share: options about output, progress bars, words for people."""

import argparse
import contextlib
import difflib
import json
import re
import shlex
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from builders.errors import BadOption

STOPPED = threading.Event()
"""Set by Ctrl-C, cleared when a command begins."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: one line, with the nearest choice."""

    def error(self, message: str) -> NoReturn:
        """Raise what `main` prints as it prints all errors."""
        wrong = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        if wrong:
            choices = [choice.strip("' ") for choice in wrong[2].split(",")]
            near = difflib.get_close_matches(wrong[1], choices, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            argument = message.removeprefix("argument ").partition(":")[0]
            message = f"{argument} '{wrong[1]}': {hint}there are: {', '.join(choices)}"
        raise BadOption(f"{message}; see {self.prog} --help")


def stop(signal_number: int, frame: object) -> None:
    """Ctrl-C. What is raised in a destructor is lost, so `bar` looks whether it was pressed."""
    STOPPED.set()
    raise KeyboardInterrupt


def add_output_options(verb: argparse.ArgumentParser, *, default: Any = False) -> None:
    """The options that every verb has; `default` for a verb below another one."""
    output = verb.add_argument_group("output")
    output.add_argument(
        "--json", action="store_true", default=default, help="print one JSON object, no words"
    )
    output.add_argument(
        "--quiet", action="store_true", default=default, help="no words, no bars; errors only"
    )


def add_folder(verb: argparse.ArgumentParser, option: str, words: str, **more: Any) -> None:
    """An option that takes a folder."""
    import shtab

    added: Any = verb.add_argument(option, type=Path, metavar="FOLDER", help=words, **more)
    added.complete = shtab.DIRECTORY


def show(arguments: argparse.Namespace, found: Mapping[str, Any], lines: Iterable[str]) -> int:
    """Print what was found: as JSON, in words, or not at all. Returns the exit code 0."""
    if arguments.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    elif not arguments.quiet:
        for line in lines:
            print(line)
    return 0


def bar(
    arguments: argparse.Namespace,
    items: Iterable[Any],
    what: str,
    unit: str = " done",
    total: int | None = None,
) -> Iterable[Any]:
    """A progress bar after two seconds, where a person is watching."""
    from tqdm import tqdm

    hidden = True if arguments.quiet else None  # None: hidden unless on a terminal
    for item in tqdm(
        items, desc=what, unit=unit, total=total, delay=2, disable=hidden, leave=False
    ):
        if STOPPED.is_set():
            raise KeyboardInterrupt
        yield item


@contextlib.contextmanager
def counter(
    arguments: argparse.Namespace, what: str, unit: str
) -> Iterator[tuple[Callable[[int], None], Callable[[object], None]]]:
    """The same for work that tells how much there is, and then each thing that is done."""
    from tqdm import tqdm

    hidden = True if arguments.quiet else None
    with tqdm(desc=what, unit=unit, delay=2, disable=hidden, leave=False) as shown:

        def done(one: object) -> None:
            shown.update()

        yield shown.reset, done


def count(text: str) -> int:
    """A whole number from 0, as an argument."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**64:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 0 to 2^64 - 1")
    return number


def quoted(text: object) -> str:
    """A word as the shell reads it."""
    return shlex.quote(str(text))


def one_line(error: Exception | str) -> str:
    """A message of ours or of a library, without line breaks and control characters."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(error).split()))


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, its columns one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def plural(number: int, noun: str) -> str:
    """`1 config`, `2 configs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def drop_reason(reason: str) -> str:
    """A reason for which a row was dropped, or a reply not used, with its explanation."""
    from builders.endpoints import NOT_YET
    from builders.sources import DROP_REASONS

    return f"{reason} ({(DROP_REASONS | NOT_YET)[reason]})"
