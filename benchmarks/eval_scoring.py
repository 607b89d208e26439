"""How far the scorer of recipes/ agrees with people, by the form of a reply, and where it does not.

    python benchmarks/eval_scoring.py

tests/data/labelled_replies.jsonl was written by whoever wrote the scorer, and read while it was
written; labelled_replies_frozen.jsonl by somebody who had not seen it. Read the second.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import measure

ROOT = Path(__file__).parent.parent
SETS = {
    "labelled_replies.jsonl": "ours",
    "labelled_replies_frozen.jsonl": "written by somebody who had not seen the scorer",
}


def agreement(replies: list[dict[str, Any]]) -> tuple[str, float]:
    """The table of a set and what is wrong, as Markdown; and milliseconds a reply."""
    sys.path.append(str(ROOT / "recipes"))
    from scoring import score

    asked: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    wrong = []
    score("math", "\\boxed{x+1}", "1+x")  # imports math-verify
    began = time.perf_counter()
    for reply in replies:
        told = score(reply["kind"], reply["reply"], reply["reference"], options=reply["options"])
        form = f"{reply['kind']}: {reply['form']}"
        asked[form] += 1
        agreed[form] += told.correct == reply["correct"]
        if told.correct != reply["correct"]:
            end = json.dumps(reply["reply"][-100:], ensure_ascii=False)
            label = "right" if reply["correct"] else "wrong"
            wrong.append(
                f"- {form}, reference `{reply['reference']}`: `` {end} `` is {label}; "
                f"found `{told.extracted}`"
            )
    milliseconds = 1000 * (time.perf_counter() - began) / len(replies)
    lines = ["| form | replies | agrees |", "|---|---:|---:|"]
    lines += [f"| {form} | {asked[form]} | {agreed[form]} |" for form in sorted(asked)]
    lines += [
        f"| all | {asked.total()} | {agreed.total()} ({agreed.total() / asked.total():.1%}) |"
    ]
    return "\n".join([*lines, "", *(wrong or ["Nothing is scored otherwise."])]), milliseconds


def main() -> None:
    """Score, and write the section."""
    parts = []
    for name, about in SETS.items():
        path = ROOT / "tests" / "data" / name
        if not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8").split("\n")
        text, milliseconds = agreement([json.loads(line) for line in lines if line])
        parts.append(f"`{name}`, {about}; {milliseconds:.1f} ms a reply:\n\n{text}")
    measure.write_section("eval-scoring", "What the scorer makes of replies", "\n\n".join(parts))


if __name__ == "__main__":
    main()
