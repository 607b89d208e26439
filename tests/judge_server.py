"""A judge that knows the truth of a synthetic pool: it answers what is asked, from a script."""

import json
import re
from collections.abc import Callable
from typing import Any

from model_server import Answer, Request, as_json, chat

MARKED = re.compile(r"^=== ([0-9a-f]{16}) ===\n(.*?)\n=== \1 ===$", re.DOTALL | re.MULTILINE)
Says = Callable[..., Any]


def texts(request: Request) -> list[str]:
    """What stands between marks in the first message: question, trace, answers."""
    return [found[2] for found in MARKED.finditer(request.body["messages"][0]["content"])]


def judging(says: Says) -> Callable[[Request], Answer]:
    """A script that replies with what `says` makes of the texts."""

    def script(request: Request) -> Answer:
        return as_json(chat(None, json.dumps(says(*texts(request)))))

    return script
