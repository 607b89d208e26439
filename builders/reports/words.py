"""A report on difficulty in words: what its figures support, what they do not, and a page of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NAMES = {
    "second_model": "second model",
    "teacher": "teacher",
    "disagreement": "disagreement",
    "length": "length",
    "verbosity": "verbosity",
}
"""Of outcomes and scores, as people read them."""

_LITTLE = 0.55
"""An AUC below it hardly separates, however certain it is. Our choice."""

Rows = list[Sequence[str]]

MEANINGS = (
    "**AUC**: how often, of a wrong and a right answer drawn at random, the wrong one has the "
    "higher score; ties count half. Chance is 0.50; a perfect score has 1.00.",
    "**Intervals** hold 95% of the resamples of questions, each drawn with all its traces.",
    "**Disagreement** as a score: agree, unsure, disagree, in this order. **Length** is the number "
    "of tokens of the reasoning, **verbosity** the judge's 0 to 10.",
)


def supported(report: Mapping[str, Any]) -> list[str]:
    """What the figures support, a sentence each."""
    sentences = [
        _separates(NAMES[score], NAMES[who], found)
        for who, scores in report["auc"].items()
        for score, found in scores.items()
        if found["value"] is not None
    ]
    taught = report["disagreement"]["of_rows_that"]["disagree"]["teacher_is_wrong"]
    overall = report["correctness"]["teacher"]
    if taught["value"] is not None and overall["wrong"]:
        sentences.append(
            f"Of the traces that disagree, the teacher's answer is wrong in {percent(taught)}; "
            f"of all traces in {percent(overall['share_wrong'])}."
        )
    return sentences


def not_supported(report: Mapping[str, Any]) -> list[str]:
    """What they do not support, or cannot tell."""
    sentences = []
    second = report["auc"]["second_model"].get("disagreement", {})
    if second.get("value") is not None:
        sentences.append(
            "disagreement and the second model's errors are no independent measurements: where the "
            "teacher is right, to disagree with it is to be wrong. So this AUC is high by "
            "construction; what it measures is how often the teacher errs, and how far the judge "
            "of the two answers and the comparison with the reference differ. It is no evidence "
            "that the question is hard for a student."
        )
        weak = report["where_the_teacher_is"]["wrong"]
        if weak["value"] is not None:
            sentences.append(
                f"where the teacher is wrong, the same AUC is {shown(weak)}: there disagreement "
                "says little or the reverse about the second model."
                if weak["low"] <= 0.6
                else f"where the teacher is wrong, the same AUC is {shown(weak)}."
            )
    if report["auc"]["teacher"].get("disagreement", {}).get("value") is not None:
        sentences.append(
            "a wrong teacher disagrees with every model that is right, so disagreement also finds "
            "the teacher's errors and quirks: a config of disagreeing traces has more wrong "
            "answers in it than a random one."
        )
    for who, found in report["correctness"].items():
        if min(found["right"], found["wrong"]) < report["fewest"]:
            sentences.append(
                f"nothing about the {NAMES[who]}'s errors: {found['right']:,} right and "
                f"{found['wrong']:,} wrong answers are known, at least {report['fewest']} of each "
                "are needed."
            )
        if found["not_known"]:
            sentences.append(
                f"nothing about the {found['not_known']:,} traces of which it is not known "
                f"whether the {NAMES[who]}'s answer is right: no reference answer, no second "
                "answer, or none that can be compared with certainty. They may be the hard ones."
            )
    sentences.append(
        "scores and outcomes were observed, nothing was changed: that long traces go with errors "
        "does not say that shorter ones would be right."
    )
    return [sentence[0].upper() + sentence[1:] for sentence in sentences]


def _separates(score: str, who: str, found: Mapping[str, Any]) -> str:
    value, low, high = found["value"], found["low"], found["high"]
    low, high = (value, value) if low is None else (low, high)
    if low <= 0.5 <= high:
        does = "is not shown to separate wrong from right answers"
    elif value < 0.5:
        does = "is lower for wrong than for right answers"
    else:
        how = "hardly separates" if value < _LITTLE else "separates"
        does = f"{how} wrong from right answers"
    counts = f"{found['right']:,} right, {found['wrong']:,} wrong"
    said = f"{score.capitalize()} {does} of the {who}: AUC {shown(found)}; {counts}."
    ahead = found.get("disagreement_is_ahead_by")
    if ahead and ahead["low"] is not None and ahead["low"] > 0:
        said += f" Disagreement is ahead of it by {shown(ahead)}."
    elif ahead and ahead["low"] is not None and ahead["high"] < 0:
        behind = {"value": -ahead["value"], "low": -ahead["high"], "high": -ahead["low"]}
        said += f" It is ahead of disagreement by {shown(behind)}."
    return said


def shown(figure: Mapping[str, Any]) -> str:
    """`0.97 (0.94 to 0.99)`, finer where the interval is narrow; a dash for no figure."""
    value, low, high = figure["value"], figure["low"], figure["high"]
    if value is None:
        return "-"
    if low is None:
        return f"{value:.2f}"
    digits = 2 if high - low >= 0.02 else 3
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def percent(figure: Mapping[str, Any]) -> str:
    """`1.9% (1.5 to 2.4)`, or a dash where there is no figure."""
    if figure["value"] is None:
        return "-"
    if figure["low"] is None:
        return f"{100 * figure['value']:.1f}%"
    return f"{100 * figure['value']:.1f}% ({100 * figure['low']:.1f} to {100 * figure['high']:.1f})"


def tables(report: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    """The tables of a report, for terminal and page: a title, and rows with their head."""
    yield "AUC for wrong answers (chance 0.50)", _aucs(report)
    if domains := _domains(report):
        yield "By domain, for wrong answers of the second model", domains
    yield "Disagreement where the teacher is right, and where it is wrong", _remaining(report)
    yield "Who is wrong", _who(report)
    yield "Rank correlations (Spearman; none is 0.00)", _correlations(report)


def _aucs(report: Mapping[str, Any]) -> Rows:
    rows: Rows = [("wrong is", "score", "right", "wrong", "AUC", "disagreement is ahead by")]
    for who, scores in report["auc"].items():
        for score, found in scores.items():
            ahead = found.get("disagreement_is_ahead_by")
            rows.append(
                (
                    f"the {NAMES[who]}",
                    NAMES[score],
                    f"{found['right']:,}",
                    f"{found['wrong']:,}",
                    shown(found),
                    shown(ahead) if ahead else "",
                )
            )
    for state, found in report["where_the_teacher_is"].items():
        who = f"the second model, teacher {state}"
        counts = f"{found['right']:,}", f"{found['wrong']:,}"
        rows.append((who, "disagreement", *counts, shown(found), ""))
    return rows


def _domains(report: Mapping[str, Any]) -> Rows:
    scores = report["auc"]["second_model"]
    domains = scores["disagreement"]["domains"] if scores else {}
    rows: Rows = [("domain", "right", "wrong", *(NAMES[score] for score in scores))]
    for domain, found in domains.items():
        figures = [scores[s]["domains"].get(domain, {"value": None}) for s in scores]
        counts = f"{found['right']:,}", f"{found['wrong']:,}"
        rows.append((domain, *counts, *map(shown, figures)))
    return rows if domains else []


def _remaining(report: Mapping[str, Any]) -> Rows:
    rows: Rows = [("teacher", "traces", "agree", "unsure", "disagree")]
    for state, found in report["disagreement"]["where_the_teacher_is"].items():
        shares = (percent(found[verdict]) for verdict in ("agree", "unsure", "disagree"))
        rows.append((state, f"{found['rows']:,}", *shares))
    return rows


def _who(report: Mapping[str, Any]) -> Rows:
    columns = {
        "second_model_alone_is_wrong": "second model alone",
        "teacher_alone_is_wrong": "teacher alone",
        "both_are_wrong": "both",
        "both_are_right": "neither",
    }
    rows: Rows = [("traces that", "traces", *columns.values())]
    for verdict, found in report["disagreement"]["of_rows_that"].items():
        if found["both_are_right"]["value"] is not None:
            shares = (percent(found[column]) for column in columns)
            name = "are unsure" if verdict == "unsure" else verdict
            rows.append((name, f"{found['rows']:,}", *shares))
    return rows


def _correlations(report: Mapping[str, Any]) -> Rows:
    rows: Rows = [("of", "and", "traces", "rank correlation")]
    for found in report["correlations"]:
        names = (found[end].replace("_", " ") for end in ("of", "and"))
        rows.append((*names, f"{found['rows']:,}", shown(found)))
    return rows


def origin(report: Mapping[str, Any]) -> str:
    """What was looked at, and where correctness comes from."""
    return (
        f"{report['traces']:,} traces of {report['questions']:,} questions; "
        + {
            "annotation": "whether the teacher is right: the annotation 'correctness'",
            "certain equality": "no annotation 'correctness', so whether the teacher is right was "
            "found by comparing its answer with the reference, as far as no judge is needed",
        }[report["teacher_correctness"]]
        + "; whether the second model is right: by the same comparison"
    )


def page(report: Mapping[str, Any], *, picture: str | None) -> str:
    """The report as Markdown. Nothing of it is text that comes from data."""
    lines = ["# Is disagreement a good proxy for difficulty?", "", f"{origin(report)}.", ""]
    lines += ["## What this supports", "", *(f"- {one}" for one in supported(report)), ""]
    lines += ["## What it does not", "", *(f"- {one}" for one in not_supported(report)), ""]
    if picture:
        lines += [f"![{in_words(report)}]({picture})", ""]
    for title, rows in tables(report):
        head, *body = rows
        lines += [f"## {title}", "", _cells(head), _cells(["---", *["---:"] * (len(head) - 1)])]
        lines += [*map(_cells, body), ""]
    lines += ["## How to read it", "", *(f"- {one}" for one in MEANINGS), ""]
    return "\n".join(lines)


def _cells(row: Sequence[str]) -> str:
    return f"| {' | '.join(row)} |"


def in_words(report: Mapping[str, Any]) -> str:
    """The alternative text of the picture."""
    said = (
        f"{NAMES[score]} for the {NAMES[who]} {shown(found)}"
        for who, scores in report["auc"].items()
        for score, found in scores.items()
        if found["value"] is not None
    )
    return f"AUC for wrong answers, chance is 0.50: {'; '.join(said)}."
