"""The golden set that ships with the tests, and a judge that reads its labels."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judge_server import judging, texts
from model_server import Answer, ModelServer, Request, as_json, chat

from builders.golden import read_golden
from builders.judges.strategies import STRATEGIES
from builders.schema import DOMAINS

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

PATH = Path(__file__).parent / "data" / "golden_traces.yaml"
GOLDEN = read_golden(PATH)
BY_QUESTION = {row.record.question: row for row in GOLDEN.rows}
VERDICTS = {"agree": "same", "disagree": "different", "unsure": "unsure"}


@pytest.fixture(scope="module")
def quotes() -> dict[str, dict[str, str]]:
    import yaml

    rows = yaml.safe_load(PATH.read_text())["traces"]
    return {row["question"]: row["strategies"] for row in rows}


@pytest.fixture
def pool(nt: Run, tmp_path: Path, write_jsonl: Write) -> Path:
    row = {"question": "7 + 5?", "reasoning": "7 + 5 = 12.", "answer": "12"}
    assert nt("import", write_jsonl([row]), "--pool", tmp_path / "pool", "--quiet")[0] == 0
    return tmp_path / "pool"


def test_it_is_what_its_header_says() -> None:
    assert len(GOLDEN.rows) == 66
    assert "plumbing" in str(GOLDEN.about)
    domains = Counter(row.labels["domain"] for row in GOLDEN.rows)
    assert set(domains) == set(DOMAINS)
    assert {name for row in GOLDEN.rows for name in row.labels["strategies"]} == set(STRATEGIES)
    assert {row.labels["disagreement"] for row in GOLDEN.rows} == set(VERDICTS)
    assert {row.labels["correctness"] for row in GOLDEN.rows} == {True, False}


def says(name: str, quotes: dict[str, dict[str, str]]) -> Callable[..., Any]:
    """What a judge says that has read the labels."""

    def of(question: str, *others: str) -> Any:
        labels = BY_QUESTION[question].labels
        if name == "domain":
            return {"domain": labels["domain"], "topic": "any"}
        if name == "strategies":
            pairs = quotes[question].items()
            return {"strategies": [{"strategy": s, "quote": q} for s, q in pairs]}
        if name == "verbosity":
            return {"verbosity": labels["verbosity"]}
        if name == "correctness":
            return {"verdict": "same" if labels["correctness"] else "different"}
        return {"verdict": VERDICTS[labels["disagreement"]]}

    return of


_SLOW = pytest.mark.slow  # math-verify's processes take seconds to begin


@pytest.mark.parametrize(
    "name",
    [
        "domain",
        "strategies",
        "verbosity",
        pytest.param("disagreement", marks=_SLOW),
        pytest.param("correctness", marks=_SLOW),
    ],
)
def test_a_judge_that_has_read_the_labels_has_all_of_them_right(
    nt: Run, pool: Path, quotes: dict[str, dict[str, str]], name: str
) -> None:
    with ModelServer(judging(says(name, quotes))) as server:
        code, output, errors = nt(
            "annotate", name, "--pool", pool, "--judge", "m", "--golden", PATH,
            "--base-url", server.url, "--json",
        )  # fmt: skip
    assert (code, errors) == (0, "")
    found = json.loads(output)["found"]
    assert (found["sample"], found["compared"]) == (66, 66)
    assert (found["not_valid_at_once"], found["quotes_not_found"]) == (0, 0)
    perfect = {"mean difference": 0.0}
    for one in found["figures"]:
        if one["value"] is not None:
            assert one["value"] == pytest.approx(perfect.get(one["measure"], 1.0)), one


def test_a_judge_that_errs_is_told_apart(
    nt: Run, pool: Path, quotes: dict[str, dict[str, str]]
) -> None:
    """It calls every trace terse, and has no form for questions of law."""
    law = {q for q, row in BY_QUESTION.items() if row.labels["domain"] == "Law"}

    def script(request: Request) -> Answer:
        if texts(request)[0] in law:
            return as_json(chat(None, "I would rather not say."))
        return as_json(chat(None, json.dumps({"verbosity": 1})))

    with ModelServer(script) as server:
        code, output, errors = nt(
            "annotate", "verbosity", "--pool", pool, "--judge", "m", "--golden", PATH,
            "--base-url", server.url,
        )  # fmt: skip
    assert (code, errors) == (0, "")
    assert f"by m and by golden_traces.yaml, {66 - len(law)} of 66 rows" in output
    assert "rank correlation: -" in output  # one grade for all has no rank
    assert f"replies without the form at once: {len(law)} of 66; never: {len(law)}" in output
