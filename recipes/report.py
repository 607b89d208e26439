"""What preflight saw, for the terminal and as a page of HTML: trained tokens are coloured."""

from __future__ import annotations

import html
import os
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from preflight import REASONS, Finding, Prepared

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

GREEN, DIM, RED, PLAIN = "\033[32m", "\033[2m", "\033[31m", "\033[0m"
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Preflight</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #bbb; padding: 1rem; }}
.trained {{ background: #c8f0c8; color: #053305; }}
.given {{ color: #666; }}
.stop {{ color: #a00000; font-weight: bold; }}
</style>
<h1>Preflight</h1>
<pre>{facts}</pre>
<ul>{findings}</ul>
<h2>The first examples</h2>
<p><span class="trained">trained</span> <span class="given">given</span></p>
{examples}
"""


class Span(NamedTuple):
    """A stretch of an example that is trained, or given, as a whole."""

    text: str
    trained: bool


def spans(example: dict[str, list[int]], tokenizer: PreTrainedTokenizerBase) -> list[Span]:
    """An example as text, by what is trained."""
    pairs = zip(example["input_ids"], example["labels"], strict=True)
    return [
        Span(tokenizer.decode([token for token, _ in pair]), trained)
        for trained, pair in groupby(pairs, key=lambda pair: pair[1] != -100)
    ]


def facts_about(prepared: Prepared, more: list[str]) -> list[str]:
    """What was counted, line by line."""
    lines = [
        f"{len(prepared.rows):,} of {prepared.total:,} rows are trained on, "
        f"{prepared.trained_share():.1%} of their tokens"
    ]
    lines += [
        f"  left out: {count:,} {reason} ({REASONS[reason]})"
        for reason, count in prepared.dropped.items()
    ]
    return lines + more


def to_terminal(
    facts: list[str], findings: list[Finding], examples: list[list[Span]], *, colour: bool
) -> str:
    """The report as text; escape sequences in data are not obeyed."""
    green, dim, red, plain = (GREEN, DIM, RED, PLAIN) if colour else ("", "", "", "")
    lines = [*facts]
    for number, example in enumerate(examples, 1):
        lines.append(f"\nExample {number}, trained tokens {'in green' if colour else 'in [[…]]'}:")
        told = [
            (f"{green}{printable(span.text)}{plain}" if colour else f"[[{printable(span.text)}]]")
            if span.trained
            else f"{dim}{printable(span.text)}{plain}"
            for span in example
        ]
        lines.append("".join(told))
    lines += [
        f"{red if finding.level == 'stop' else ''}{finding.level}: {printable(finding.text)}{plain}"
        for finding in findings
    ]
    return "\n".join(lines)


def to_html(facts: list[str], findings: list[Finding], examples: list[list[Span]]) -> str:
    """The report as a page; everything that data says is escaped."""
    items = "".join(
        f'<li class="{finding.level}">{finding.level}: {html.escape(finding.text)}</li>'
        for finding in findings
    )
    shown = "".join(
        "<pre>"
        + "".join(
            f'<span class="{"trained" if span.trained else "given"}">'
            f"{html.escape(printable(span.text))}</span>"
            for span in example
        )
        + "</pre>\n"
        for example in examples
    )
    return PAGE.format(facts=html.escape("\n".join(facts)), findings=items, examples=shown)


def show(
    prepared: Prepared,
    tokenizer: PreTrainedTokenizerBase,
    findings: list[Finding],
    *,
    facts: list[str],
    page: Path,
    examples: int,
) -> None:
    """Print the report, and write it to `page`."""
    lines = facts_about(prepared, facts)
    seen = [spans(prepared.rows[i], tokenizer) for i in range(min(examples, len(prepared.rows)))]
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(to_terminal(lines, findings, seen, colour=colour), flush=True)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(to_html(lines, findings, seen), encoding="utf-8")
    print(f"The same as a page: {page}", flush=True)


def printable(text: str) -> str:
    """A text whose control characters cannot act; line breaks stay."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
