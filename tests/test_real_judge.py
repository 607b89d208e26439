"""A real model behind a real server as a judge: the schema arrives, and labels come back.

See test_real_server for what it needs. SmolLM2-135M judges nothing well; that is not shown here.
"""

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from test_real_server import url  # noqa: F401  # the fixture

from builders.endpoints import Asked, Job, Reply, Sampling
from builders.endpoints.client import SchemaForm, Timeouts, opened
from builders.endpoints.replies import read_reply
from builders.judges.forms import (
    Agreement,
    Domain,
    Form,
    Strategies,
    Verbosity,
    read_form,
    schema_of,
)
from builders.judges.strategies import STRATEGIES
from builders.ledger import status
from builders.pool import open_pool
from builders.schema import DOMAINS
from builders.sources import demo

Run = Callable[..., tuple[int, str, str]]
JUDGE = "HuggingFaceTB/SmolLM2-135M-Instruct"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not os.environ.get("NT_LLAMA_PYTHON"), reason="NT_LLAMA_PYTHON is not set"),
]

ODD = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["zyxomma-17", "quoll-99"]}},
    "required": ["colour"],
    "additionalProperties": False,
}
"""Words that no model says by itself when it is asked for the colour of the sky."""


def answer(
    url: str,  # noqa: F811
    question: str,
    schema: Mapping[str, Any],
    form: SchemaForm,
    *,
    stream: bool = False,
) -> str:
    """What the model says."""
    asked = Asked("try", JUDGE, None, "sky", "0", Sampling(60, 0.0, 1.0), schema)
    job = Job("0" * 16, 0, [{"role": "user", "content": question}])

    async def ask() -> str:
        options: Any = {"flavor": "openai", "stream": stream, "timeouts": Timeouts(), "most": 1}
        async with opened({url: None}, schema_form=form, **options) as client:
            return read_reply(await client.ask(url, asked, job)).answer

    return asyncio.run(ask())


@pytest.mark.parametrize("form", ["openai", "llama.cpp", "none"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_schema_arrives(url: str, form: SchemaForm, stream: bool) -> None:  # noqa: F811
    said = answer(url, "Which colour has the sky? Reply in JSON.", ODD, form, stream=stream)
    print(f"\n{form}: {said!r}")
    if form == "none":
        assert "zyxomma" not in said and "quoll" not in said
    else:
        assert json.loads(said)["colour"] in ODD["properties"]["colour"]["enum"]


@pytest.mark.parametrize("form", [Domain, Verbosity, Agreement, Strategies])
def test_our_schemas_are_kept_to(url: str, form: type[Form]) -> None:  # noqa: F811
    """By a model that was told nothing of them."""
    said = answer(url, "What do you think of the sea?", schema_of(form), "openai")
    print(f"\n{form.__name__}: {said!r}")
    if form is Strategies:  # a list may be longer than the reply
        first = re.match(
            r'\{\s*"strategies"\s*:\s*\[(?:\s*\]|\s*\{\s*"strategy"\s*:\s*"(.*?)")', said
        )
        assert first and (first[1] is None or first[1] in STRATEGIES)
    else:
        assert isinstance(read_form(form, Reply(None, said, "stop")), form)


def test_all_annotations(
    nt: Run,
    url: str,  # noqa: F811
    tmp_path: Path,
    write_jsonl: Callable[..., Path],
) -> None:
    """Fifty questions have their domain judged, and eight of them traces to be judged."""
    made = list(demo.generate(50))
    asked = [{"question": r.question, "reference_answer": r.reference_answer} for r in made]
    answered = [
        {**row, "reasoning": one.reasoning, "answer": one.answer, "teacher": demo.TEACHER}
        for row, one in zip(asked[:8], made, strict=False)
    ]
    pool = tmp_path / "pool"
    for rows in (answered, asked):
        nt("import", write_jsonl(rows), "--pool", pool, "--license", "cc0-1.0")
    judge = ["--pool", pool, "--judge", JUDGE, "--base-url", url, "--concurrency", 4]
    judge += ["--judge-context", 4096, "--max-tokens", 200]
    second = ["--second-model", JUDGE, "--second-base-url", url, "--second-max-tokens", 60]
    for name in ("domain", "strategies", "verbosity", "correctness", "disagreement"):
        more = second if name == "disagreement" else []
        code, output, errors = nt("annotate", name, *judge, *more)
        assert code == 0, errors
        print(output)
    for one in status(pool):
        assert set(one["outcomes"]) <= {"done", "not_valid", "asked_once_more", "cut_by_length"}
        assert one["tokens_uncertain"] == 0
    (domains,) = (one for one in status(pool) if one["task"] == "annotate-domain")
    print(domains)
    assert domains["outcomes"]["done"] >= 30
    facts = open_pool(pool).facts(["domain", "topic", "strategies", "verbosity", "correct"])
    found = Counter(facts["domain"].to_pylist())
    assert len(facts) == 8
    assert set(found) <= {*DOMAINS, None}
    print(found, Counter(facts["verbosity"].to_pylist()), facts.slice(0, 3).to_pylist())
