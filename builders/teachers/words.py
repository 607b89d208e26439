"""The report of `nt teachers` in words: its tables, what it says and does not say, and a page."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from builders.card import inline
from builders.teachers.ranking import LEVEL
from builders.teachers.scores import SCORES

Rows = list[Sequence[str]]

FEW = 30
"""Shared questions from which on intervals are said without a warning. Our choice."""


def origin(report: Mapping[str, Any]) -> str:
    """What was compared, and who scored it."""
    said = (
        f"{len(report['teachers'])} teachers on the {report['questions']:,} questions that all of "
        "them answered"
    )
    by = report["scored_by"]
    if not by:
        return said
    return f"{said}; scored by {by['student']}, window {by['window']}, steps: {by['steps']}"


def tables(report: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """The tables, for terminal and page: a title, and rows with their head."""
    yield "Teachers", _teachers(report)
    for found in report["rankings"]:
        yield _title(found), _places(found)
    yield "Differences", _differences(report)
    if any(found["stability"] for found in report["rankings"]):
        yield "How often fewer prompts give the same order (the same first)", _stability(report)


def says(report: Mapping[str, Any]) -> list[str]:
    """What the figures say, a sentence each."""
    sentences = []
    if report["questions"] < FEW:
        sentences.append(
            f"Only {report['questions']} questions are shared: intervals of so few are too narrow."
        )
    sentences += [_first(found) for found in report["rankings"]]
    firsts = {found["places"][0]["teacher"] for found in report["rankings"]}
    if len(firsts) > 1:
        sentences.append("The scores do not agree on the first teacher.")
    right = {one["name"]: one for one in report["teachers"]}
    best = right[report["rankings"][0]["places"][0]["teacher"]]
    if best["right"] is not None and best["right"] < max(
        one["right"] for one in right.values() if one["right"] is not None
    ):
        sentences.append(
            f"Naturalness does not see whether an answer is right: {best['name']}, first by local "
            f"naturalness, is right in {best['right']:.1%} of {best['checked']:,} answers, and "
            "another teacher more often."
        )
    return sentences


def does_not_say(report: Mapping[str, Any]) -> list[str]:
    """What the figures do not say."""
    return [
        "Whether a student learns most from the first teacher: nothing was trained. Train it on "
        "natural, natural-matched and random configs of one size, and compare.",
        "What another student expects: scores are one student's, before training.",
        "That a mean is good or bad by itself: short, plain steps are more probable to any model. "
        "The two corrected scores show how much of a difference the length of steps explains.",
    ]


def page(report: Mapping[str, Any], *, picture: str | None) -> str:
    """The report as Markdown."""
    parts = ["# Which teacher is most natural to the student?", f"{_sentence(origin(report))}."]
    if picture:
        shows = "Mean and interval of each teacher, a panel for each score"
        parts.append(f"![{shows}]({picture})")
    for title, rows in tables(report):
        head, *body = ([inline(cell) for cell in row] for row in rows)
        lines = [head, ["---"] * len(head), *body]
        parts.append(f"## {title}")
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    parts.append("## What this says")
    parts.append("\n".join(f"- {inline(sentence)}" for sentence in says(report)))
    parts.append("## What it does not say")
    parts.append("\n".join(f"- {inline(sentence)}" for sentence in does_not_say(report)))
    parts.append("## How to read it")
    parts.append(
        "\n".join(
            (
                "- A score is a mean log-probability in nats: the nearer to 0, the more the "
                "student expected the text. A teacher's score of a question is the mean over its "
                "responses.",
                f"- **Intervals** of means and wins hold {LEVEL:.0%} of {report['resamples']:,} "
                "resamples of questions, each drawn with all teachers' responses. Those of the "
                "differences hold together for all pairs of a table; *not separable*: the "
                "interval holds 0.",
                "- **Wins**: the share of questions on which the teacher has the highest score; "
                "ties are shared.",
            )
        )
    )
    return "\n\n".join(parts) + "\n"


def _sentence(text: str) -> str:
    return inline(text[0].upper() + text[1:])


def _title(found: Mapping[str, Any]) -> str:
    words = SCORES[found["score"]]
    return f"{words[0].upper()}{words[1:]} ({found['questions']:,} questions)"


def _first(found: Mapping[str, Any]) -> str:
    """The first teacher, or those that cannot be told apart from the first."""
    first = found["places"][0]["teacher"]
    against = [one for one in found["differences"] if one["first"] == first]
    level = [one["second"] for one in against if not one["separable"]]
    score = SCORES[found["score"]]
    if level:
        return f"By {score}, {first} is not separable from {' and '.join(level)}."
    nearest = against[0]
    return (
        f"By {score}, {first} is first, ahead of {nearest['second']} by "
        f"{shown(nearest['difference'])}."
    )


def shown(figure: Mapping[str, float]) -> str:
    """`-0.812 (-0.830 to -0.794)`."""
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _percent(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.0%} ({100 * figure['low']:.0f} to {100 * figure['high']:.0f})"


def _teachers(report: Mapping[str, Any]) -> Rows:
    rows: Rows = [("teacher", "scored responses", "not scored", "right answers")]
    for one in report["teachers"]:
        right = "not checked"
        if one["right"] is not None:
            right = f"{one['right']:.1%} of {one['checked']:,}"
        rows.append((one["name"], f"{one['responses']:,}", f"{one['not_scored']:,}", right))
    return rows


def _places(found: Mapping[str, Any]) -> Rows:
    rows: Rows = [("teacher", f"mean ({LEVEL:.0%})", "wins")]
    rows += [(one["teacher"], shown(one["mean"]), _percent(one["wins"])) for one in found["places"]]
    return rows


def _differences(report: Mapping[str, Any]) -> Rows:
    rows: Rows = [("score", "higher", "lower", "difference", "higher on", "")]
    for found in report["rankings"]:
        for one in found["differences"]:
            verdict = "" if one["separable"] else "not separable"
            rows.append(
                (
                    found["score"].replace("_", " "),
                    one["first"],
                    one["second"],
                    shown(one["difference"]),
                    f"{one['wins']:.0%}",
                    verdict,
                )
            )
    return rows


def _stability(report: Mapping[str, Any]) -> Rows:
    sizes = [one["prompts"] for one in report["rankings"][0]["stability"]]
    rows: Rows = [("score", *(f"{size} prompts" for size in sizes))]
    for found in report["rankings"]:
        cells = [f"{one['same_order']:.0%} ({one['same_first']:.0%})" for one in found["stability"]]
        cells += ["-"] * (len(sizes) - len(cells))
        rows.append((found["score"].replace("_", " "), *cells))
    return rows
