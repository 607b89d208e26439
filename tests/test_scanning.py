"""Secrets and addresses stop a push, and are never printed."""

import json
import random
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_world import World

from builders.build import build
from builders.importing import import_source
from builders.sources.opening import open_source

pytest.importorskip("kingfisher_sdk", reason="the extra 'publish' is not installed")

# Made here, so that no other scanner takes this file for a leak.
RANDOM = random.Random(7)
LETTERS = "".join(RANDOM.choice(string.ascii_letters) for _ in range(34))
SECRETS = {
    "huggingface-access-token": "hf_" + LETTERS,
    "github-pat": "ghp_"
    + "".join(RANDOM.choice(string.ascii_letters + "0123456789") for _ in range(36)),
    "e-mail-address": "jane.q.doe" + "@" + "mail.example.org",
}


def pool_with(tmp_path: Path, write_jsonl: Callable[..., Path], secret: str, column: str) -> Path:
    rows = [
        {"question": f"What is {n} + {n}?", "reasoning": f"{n} + {n}.", "answer": f"{2 * n}."}
        for n in range(2500)
    ]
    rows[1234][column] += f" Write to {secret} or so."
    source = open_source(str(write_jsonl(rows)), license="mit")
    import_source(source, tmp_path / "pool")
    return tmp_path / "pool"


@pytest.mark.parametrize("rule", SECRETS)
@pytest.mark.parametrize("column", ["question", "answer"])
def test_a_finding_stops_the_push(
    world: World,
    tmp_path: Path,
    write_jsonl: Callable[..., Path],
    rule: str,
    column: str,
) -> None:
    secret = SECRETS[rule]
    pool = pool_with(tmp_path, write_jsonl, secret, column)
    build(pool, tmp_path / "nt", configs=["random-2000", "random-2500"])
    words = ("push", tmp_path / "nt", "ORG/nt", "--tag", "v1.0.0")
    ran = world.nt(*words)
    assert f"{column}: {rule}" in ran.error
    assert "--accept-findings" in ran.error
    assert secret not in ran.out + ran.err
    assert world.hub.repos == {}
    assert world.hub.received == []

    # The row is named, so that it can be found.
    import pyarrow.parquet as pq

    (found,) = [line for line in ran.out.splitlines() if line.endswith(rule)]
    path, _, where = found.partition(", row ")
    row = int(where.split()[0])
    assert secret in pq.read_table(tmp_path / "nt" / path)[column][row].as_py()
    id = where.split("(id ")[1].split(")")[0]
    assert pq.read_table(tmp_path / "nt" / path)["id"][row].as_py() == id

    if (rule, column) == ("github-pat", "answer"):
        assert world.nt(*words, "--accept-findings").code == 0


def test_a_pool_and_what_it_dropped(
    world: World, tmp_path: Path, write_jsonl: Callable[..., Path]
) -> None:
    secret = SECRETS["github-pat"]
    rows = [
        {"question": "a?", "reasoning": "So.", "answer": "Yes."},
        {"question": f"b {secret}?", "reasoning": "So.", "answer": ""},
    ]
    import_source(open_source(str(write_jsonl(rows)), license="mit"), tmp_path / "pool")
    ran = world.nt("push", tmp_path / "pool", "ORG/pool", "--tag", "v1.0.0")
    assert "questions/" in ran.error
    assert "github-pat" in ran.error
    assert secret not in ran.out + ran.err


def test_clean_text_passes(world: World, releases: tuple[Path, Path]) -> None:
    ran = world.nt("push", releases[0], "ORG/nt", "--tag", "v1.0.0", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["commit"]
