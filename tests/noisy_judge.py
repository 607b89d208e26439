"""A judge that knows the truth of the synthetic demo, and errs as often as it is told.

What it says depends on the question and on the judge's name alone, so a test can work out
beforehand what it is going to say.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from judge_server import texts
from model_server import Answer, Request, as_json, chat

from builders.judges.forms import Strategies
from builders.judges.quotes import proven
from builders.schema import DOMAINS
from builders.sources.demo import STRATEGIES, DemoRow

Says = Callable[[DemoRow, random.Random], Any]
NO_FORM_AT_ONCE = 0.1
NO_FORM_AT_ALL = 0.02
INVENTED = "words that stand nowhere at all"


def domain(noise: float) -> Says:
    """With this chance any domain instead of the true one."""

    def says(row: DemoRow, rng: random.Random) -> Any:
        wrong = rng.random() < noise
        return {"domain": rng.choice(DOMAINS) if wrong else row.domain, "topic": row.topic}

    return says


def verbosity(spread: int) -> Says:
    """Off by so much at most."""

    def says(row: DemoRow, rng: random.Random) -> Any:
        off = rng.randrange(-spread, spread + 1)
        return {"verbosity": min(10, max(0, row.verbosity + off))}

    return says


def strategies(missed: float, added: float, invented: float) -> Says:
    """Some are missed, some added; of those named some have a quote that occurs nowhere."""

    def says(row: DemoRow, rng: random.Random) -> Any:
        found = []
        for name in STRATEGIES:
            if rng.random() < (1 - missed if name in row.strategies else added):
                quote = INVENTED if rng.random() < invented else row.reasoning[:40]
                found.append({"strategy": name, "quote": quote})
        return {"strategies": found}

    return says


def said(says: Says, row: DemoRow, name: str = "") -> Any:
    """What the judge of this name says of a row, once it has the form."""
    return says(row, random.Random(f"{name} {row.question}"))


def named(says: Says, row: DemoRow, name: str = "") -> list[str]:
    """The strategies that it has shown by a quote."""
    return proven(Strategies(**said(says, row, name)), row.reasoning).strategies


def forms(row: DemoRow) -> tuple[bool, bool]:
    """Whether the first reply about a row has the form, and whether any has."""
    rng = random.Random(f"form {row.question}")
    at_all = rng.random() >= NO_FORM_AT_ALL
    return at_all and rng.random() >= NO_FORM_AT_ONCE, at_all


def judge(
    says: Says, rows: list[DemoRow], *, name: str = "", breaks_form: bool = True
) -> Callable[[Request], Answer]:
    """A script for `ModelServer`."""
    of_question = {row.question: row for row in rows}

    def script(request: Request) -> Answer:
        row = of_question[texts(request)[0]]
        at_once, at_all = forms(row)
        is_first = len(request.body["messages"]) == 1
        if breaks_form and not (at_once if is_first else at_all):
            return as_json(chat(None, "It is hard to say."))
        return as_json(chat(None, json.dumps(said(says, row, name))))

    return script
