"""Is disagreement a good proxy for difficulty? A pool's labels against who is right.

    outcome        score          right   wrong   AUC
    second model   disagreement   2,564   1,350   0.99 (0.98 to 0.99)
    second model   length         2,564   1,350   0.69 (0.68 to 0.71)
    teacher        disagreement   3,922      78   0.81 (0.79 to 0.82)

The paper takes questions on which teacher and second model disagree as hard. With reference answers
that can be looked at: a score that is good at it is higher where an answer is wrong. Correctness of
the teacher is the annotation `correctness`; where a pool has none, and for the second model always,
it is found on the spot, as far as it is certain without a judge.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from builders.agreement import rounded
from builders.errors import MissingColumn, PoolTooSmall
from builders.estimates import (
    Codes,
    Estimate,
    Floats,
    Table,
    auc,
    bins,
    estimate,
    rank_correlation,
    share,
)
from builders.files import read_columns
from builders.ids import as_numbers
from builders.judges.equality import Equality
from builders.pool import Pool, open_pool
from builders.reports.right import all_right
from builders.schema import ANNOTATIONS, DOMAINS

FEWEST = 10
"""An AUC is given from so many right and so many wrong answers on; our choice."""

VERDICTS = ("agree", "unsure", "disagree")
"""As a score: unsure stands between the two. Our choice."""

Progress = Callable[[Iterable[Any]], Iterable[Any]]
Outcome = Literal["second_model", "teacher"]
OUTCOMES: tuple[Outcome, ...] = ("second_model", "teacher")


class Facts(NamedTuple):
    """Of each trace, as small numbers; negative where it is not known."""

    questions: NDArray[np.uint64]
    domain: Codes
    scores: dict[str, Codes]  # disagreement, length, verbosity: those that the pool has
    wrong: dict[Outcome, Codes]  # 1: the answer is wrong, 0: it is right


def describe_difficulty(
    pool: Path | str, *, seed: int = 0, progress: Progress = iter
) -> dict[str, Any]:
    """Disagreement, length and verbosity against correctness, with intervals, as JSON.

    Args:
        pool: the pool's folder.
        seed: of the resamples that the intervals are made from.
        progress: wraps the shards, to show how far the reading is.

    Raises:
        MissingColumn: the pool has no disagreement.
        PoolTooSmall: too few answers are known to be right or wrong.
    """
    opened = open_pool(pool)
    missing = MissingColumn(
        f"{pool}: has no 'disagreement', which this report is about; "
        f"run: nt annotate disagreement --pool {pool} --help"
    )
    if "disagreement" not in opened.annotations():
        raise missing
    facts = read_facts(opened, progress=progress)
    if "disagreement" not in facts.scores:  # second answers alone are no verdict
        raise missing
    classes = {
        who: np.bincount(wrong[wrong >= 0], minlength=2) for who, wrong in facts.wrong.items()
    }
    if all(counts.min() < FEWEST for counts in classes.values()):
        raise PoolTooSmall(_too_few(pool, classes))
    found = estimate(_tables(facts), facts.questions, seed=seed)
    return {
        "traces": len(facts.questions),
        "questions": len(np.unique(facts.questions)),
        "teacher_correctness": (
            "annotation" if "correctness" in opened.annotations() else "certain equality"
        ),
        "correctness": {who: _correctness(who, facts, found) for who in OUTCOMES},
        "auc": {who: _aucs(who, facts, found) for who in OUTCOMES},
        "where_the_teacher_is": _by_teacher(facts, found),
        "disagreement": _disagreement(facts, found),
        "correlations": list(_correlations(facts, found)),
        "fewest": FEWEST,
    }


def read_facts(pool: Pool, *, progress: Progress = iter) -> Facts:
    """Read a pool shard by shard; what is kept of a trace is some 40 bytes."""
    names = ["question_id", "domain", "disagreement", "num_reasoning_tokens", "verbosity"]
    narrow = [n for n in names if n in (*pool.columns(), "disagreement")]
    parts = []
    shards = pool.shards("traces")
    with contextlib.closing(Equality()) as equality:
        for shard, table in zip(progress(shards), pool.facts_by_shard(narrow), strict=True):
            column = {name: table[name] for name in narrow}
            rows = len(table)
            parts.append(
                (
                    as_numbers(column["question_id"]),
                    _codes(column.get("domain"), DOMAINS, rows),
                    _codes(column["disagreement"], VERDICTS, rows),
                    _numbers(column["num_reasoning_tokens"], rows),
                    _numbers(column.get("verbosity"), rows),
                    *_wrong(pool, shard, equality),
                )
            )
    questions, domain, verdict, length, verbosity, teacher, second = (
        np.concatenate(arrays) for arrays in zip(*parts, strict=True)
    )
    scores = {"disagreement": verdict, "length": bins(length), "verbosity": bins(verbosity)}
    return Facts(
        questions,
        domain,
        {name: codes for name, codes in scores.items() if (codes >= 0).any()},
        {"second_model": second, "teacher": teacher},
    )


def _codes(column: pa.ChunkedArray | None, values: Iterable[str], rows: int) -> Codes:
    """The place of each text among these; negative where it is null."""
    if column is None:
        return np.full(rows, -1, np.int32)
    places = pc.index_in(column, value_set=pa.array(values, pa.string()))
    codes: Codes = pc.fill_null(places, -1).to_numpy().astype(np.int32)
    return codes


def _numbers(column: pa.ChunkedArray | None, rows: int) -> Floats:
    if column is None:
        return np.full(rows, np.nan)
    numbers: Floats = pc.cast(column, pa.float64()).to_numpy()
    return numbers


def _wrong(pool: Pool, shard: Path, equality: Equality) -> tuple[Codes, Codes]:
    """Whether the teacher's and the second model's answers of a shard are wrong."""
    texts = read_columns(shard, ["id", "reference_answer", "answer"])
    verdicts = pool.sidecar_table(
        "disagreement", shard, texts["id"], ANNOTATIONS["disagreement"].columns
    )
    references = texts["reference_answer"].to_pylist()
    second = _compared(references, verdicts["second_answer"].to_pylist(), equality)
    if "correctness" in pool.annotations():
        made = ANNOTATIONS["correctness"].columns
        correct = pool.sidecar_table("correctness", shard, texts["id"], made)["correct"]
        right = pc.fill_null(pc.cast(correct, pa.int8()), 2).to_numpy()
        return np.array([1, 0, -1], np.int32)[right], second
    return _compared(references, texts["answer"].to_pylist(), equality), second


def _compared(references: list[str | None], answers: list[str | None], equality: Equality) -> Codes:
    """1 where an answer is not the reference, 0 where it is."""
    pairs = [
        (reference, answer) if reference is not None and answer is not None else None
        for reference, answer in zip(references, answers, strict=True)
    ]
    codes = {True: 0, False: 1, None: -1}
    return np.array([codes[one] for one in all_right(pairs, equality)], np.int32)


def _too_few(pool: Path | str, classes: dict[Outcome, NDArray[np.int64]]) -> str:
    known = "; ".join(
        f"{who.replace('_', ' ')}: {right:,} right, {wrong:,} wrong"
        for who, (right, wrong) in classes.items()
    )
    return (
        f"{pool}: needs at least {FEWEST} right and {FEWEST} wrong answers of one model, found "
        f"{known}; an answer can be compared where its question has a reference answer"
    )


def _tables(facts: Facts) -> dict[str, Table]:
    """All that is counted. Shapes end with the classes and the score, as `auc` takes them."""
    teacher, verdict = facts.wrong["teacher"], facts.scores["disagreement"]
    second = facts.wrong["second_model"]
    places = np.where(facts.domain < 0, len(DOMAINS), facts.domain).astype(np.int32)
    tables = {}
    for who, wrong in facts.wrong.items():
        tables[f"share {who}"] = Table((2,), (wrong,), share)
        for name, codes in facts.scores.items():
            shape = (len(DOMAINS) + 1, 2, int(codes.max()) + 1)
            tables[f"auc {who} {name}"] = Table(shape, (places, wrong, codes), _all_and_each)
    tables["verdicts by teacher"] = Table((2, 3), (teacher, verdict), _shares_of_rows)
    tables["teacher by verdict"] = Table((3, 2), (verdict, teacher), share)
    tables["both by verdict"] = Table(
        (3, 4), (verdict, np.where((teacher < 0) | (second < 0), -1, 2 * teacher + second)),
        _shares_of_rows,
    )  # fmt: skip
    tables["auc by teacher"] = Table((2, 2, 3), (teacher, second, verdict), auc)
    columns = {**facts.scores, **{f"{who} wrong": codes for who, codes in facts.wrong.items()}}
    for number, (first, a) in enumerate(columns.items()):
        for other, b in list(columns.items())[number + 1 :]:
            both = (int(a.max()) + 1, int(b.max()) + 1)
            if min(both) > 1:
                tables[f"correlation {first}/{other}"] = Table(both, (a, b), rank_correlation)
    return tables


def _all_and_each(counts: Floats) -> Floats:
    """The AUC over all domains, then that of each."""
    return auc(np.concatenate([counts.sum(axis=0, keepdims=True), counts[: len(DOMAINS)]]))


def _shares_of_rows(counts: Floats) -> Floats:
    shares: Floats = counts / counts.sum(axis=-1, keepdims=True)
    return shares.ravel()


def _figures(found: Estimate) -> list[dict[str, float | None]]:
    """Value and interval of each figure; None where it is not defined."""
    low, high = found.interval()
    columns = zip(found.value, low, high, strict=True)
    return [
        dict(zip(("value", "low", "high"), map(rounded, figures), strict=True))
        for figures in columns
    ]


def _correctness(who: Outcome, facts: Facts, found: dict[str, Estimate]) -> dict[str, Any]:
    right, wrong = _classes(facts.wrong[who])
    (of_known,) = _figures(found[f"share {who}"])
    unknown = len(facts.questions) - right - wrong
    return {"right": right, "wrong": wrong, "not_known": unknown, "share_wrong": of_known}


def _classes(wrong: Codes, where: NDArray[np.bool_] | None = None) -> tuple[int, int]:
    chosen = wrong if where is None else wrong[where]
    right, of_wrong = np.bincount(chosen[chosen >= 0], minlength=2)
    return int(right), int(of_wrong)


def _aucs(who: Outcome, facts: Facts, found: dict[str, Estimate]) -> dict[str, Any]:
    """For each score the AUC of all rows and of each domain, and how far disagreement is ahead."""
    described = {}
    ahead_of = found[f"auc {who} disagreement"]
    for name, codes in facts.scores.items():
        of_score = found[f"auc {who} {name}"]
        figures = _figures(of_score)
        places = [None, *range(len(DOMAINS))]
        rows = [
            _enough(figure, _classes(facts.wrong[who], _where(facts, codes, domain)))
            for figure, domain in zip(figures, places, strict=True)
        ]
        described[name] = {
            **rows[0],
            "domains": {
                domain: row
                for domain, row in zip(DOMAINS, rows[1:], strict=True)
                if row["right"] + row["wrong"]
            },
        }
        if name != "disagreement" and rows[0]["value"] is not None:
            ahead = Estimate(
                ahead_of.value[:1] - of_score.value[:1],
                ahead_of.resamples[:, :1] - of_score.resamples[:, :1],
            )
            (described[name]["disagreement_is_ahead_by"],) = _figures(ahead)
    return described


def _where(facts: Facts, codes: Codes, domain: int | None) -> NDArray[np.bool_]:
    scored: NDArray[np.bool_] = codes >= 0
    return scored if domain is None else scored & (facts.domain == domain)


def _enough(figure: dict[str, float | None], classes: tuple[int, int]) -> dict[str, Any]:
    """A figure with what it rests on; without a value where that is too little."""
    if min(classes) < FEWEST:
        figure = dict.fromkeys(figure)
    return {**figure, "right": classes[0], "wrong": classes[1]}


def _by_teacher(facts: Facts, found: dict[str, Estimate]) -> dict[str, Any]:
    """The AUC of disagreement for the second model's errors, by whether the teacher is right."""
    figures = _figures(found["auc by teacher"])
    teacher, verdict = facts.wrong["teacher"], facts.scores["disagreement"]
    return {
        name: _enough(
            figures[code],
            _classes(facts.wrong["second_model"], (teacher == code) & (verdict >= 0)),
        )
        for code, name in enumerate(("right", "wrong"))
    }


def _disagreement(facts: Facts, found: dict[str, Estimate]) -> dict[str, Any]:
    """How much disagreement there is where the teacher is right or wrong, and what is behind it."""
    teacher, verdict = facts.wrong["teacher"], facts.scores["disagreement"]
    verdicts = _figures(found["verdicts by teacher"])
    wrong_teacher = _figures(found["teacher by verdict"])
    both = _figures(found["both by verdict"])
    known = (teacher >= 0) & (verdict >= 0)
    return {
        "where_the_teacher_is": {
            name: {
                "rows": int(np.count_nonzero(known & (teacher == code))),
                **dict(zip(VERDICTS, verdicts[3 * code : 3 * code + 3], strict=True)),
            }
            for code, name in enumerate(("right", "wrong"))
        },
        "of_rows_that": {
            name: {
                "rows": int(np.count_nonzero(known & (verdict == code))),
                "teacher_is_wrong": wrong_teacher[code],
                "second_model_alone_is_wrong": both[4 * code + 1],
                "teacher_alone_is_wrong": both[4 * code + 2],
                "both_are_wrong": both[4 * code + 3],
                "both_are_right": both[4 * code],
            }
            for code, name in enumerate(VERDICTS)
        },
    }


def _correlations(facts: Facts, found: dict[str, Estimate]) -> Iterator[dict[str, Any]]:
    columns = {**facts.scores, **{f"{who} wrong": codes for who, codes in facts.wrong.items()}}
    for name, one in found.items():
        kind, _, pair = name.partition(" ")
        if kind == "correlation":
            first, other = pair.split("/")
            rows = int(np.count_nonzero((columns[first] >= 0) & (columns[other] >= 0)))
            (figure,) = _figures(one)
            yield {"of": first, "and": other, "rows": rows, **figure}
