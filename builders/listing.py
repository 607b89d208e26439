"""What there is: the published configs, and what a pool can fill of them."""

from pathlib import Path
from typing import Any

from builders.configs import FAMILIES, Config, family_of, published
from builders.pool import Pool, open_pool
from builders.selection import Selection, questions_out, select


def describe_configs() -> list[dict[str, Any]]:
    """Name, size, rule and needed columns of every published config."""
    return [_describe(config) for config in published()]


def describe_pool(folder: Path | str) -> dict[str, Any]:
    """What a pool holds, and for each published config whether it can be filled.

    `rows` came in and are either `usable_rows` (traces) or `dropped`, by reason.

    Raises:
        BadPool: the folder is not a pool.
    """
    pool = open_pool(folder)
    traces = pool.num_rows("traces")
    selection = select(pool, published())
    dropped = pool.dropped_by_reason()
    return {
        "rows": traces + sum(dropped.values()),
        "usable_rows": traces,
        "dropped": dropped,
        "questions": pool.num_rows("questions"),
        "questions_without_traces": pool.questions_without_traces(),
        "second_answers": pool.num_rows("second_answers"),
        "annotations": pool.annotations(),
        "excluded": _excluded(pool, selection),
        "tokenizer": pool.manifest["tokenizer"],
        "configs": [
            {
                **_describe(one.config),
                "can_be_filled": one.can_be_filled,
                "eligible": one.eligible,
                "why_not": one.advice(pool.folder),
            }
            for one in selection.availabilities
        ],
    }


def _excluded(pool: Pool, selection: Selection) -> dict[str, dict[str, int]]:
    """Of each annotation that keeps questions out: how many there are."""
    return {
        name: {**questions_out(pool, name), "traces": traces}
        for name, traces in selection.excluded.items()
    }


def _describe(config: Config) -> dict[str, Any]:
    return {
        "name": config.name,
        "size": config.size,
        "rule": config.words,
        "purpose": FAMILIES[family_of(config.name)].purpose,
        "needs": list(config.needs),
    }
