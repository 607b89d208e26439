"""The ledger: what models did for a pool, and what it cost. Read from the stores of replies.

An entry is what one model did for one task:

    {"task": "generate", "model": "deepseek-ai/DeepSeek-R1", "requests": 20311,
     "outcomes": {"cut_by_length": 112, "done": 19880, "timed_out": 8},
     "tokens_in": 420000, "tokens_out": 105000000, "tokens_uncertain": 32000, "rows": 19880,
     "usd": 231.6, "usd_per_row": 0.01165, …}

Nothing is counted twice: the numbers are sums over the stored outcomes, of all runs.
"""

import os
import platform
import time
from pathlib import Path
from typing import Any

from builders.card import write_pool_card
from builders.endpoints import DONE, FAILURES
from builders.endpoints.store import FOLDER, GOLDEN, Run, Store, store_paths
from builders.pool import open_pool, save_manifest

IN_BOTH_ORDERS = {"annotate-disagreement", "annotate-correctness"}
"""Tasks that take two replies for a row; the same as `judges.TASKS` says."""

_ALIVE = 30.0  # seconds since its last sign of life
_WINDOW = 300.0  # seconds over which the rate is measured


def describe_store(store: Store) -> dict[str, Any]:
    """The ledger's entry of one model and task."""
    asked = store.asked()
    outcomes, spent, prices = store.outcomes(), store.spent(), store.prices()
    rows = outcomes.get(DONE, 0) // _replies_of_a_row(asked)
    usd = prices.cost(spent)
    newest: dict[str, Any] = list(asked.values())[-1] if asked else {}
    task, small = newest.get("task"), store.path.parent.parent
    is_golden = small.parts[-3:-1] == (FOLDER, GOLDEN)
    return {
        "task": f"{task} of golden set {small.name[:8]}" if is_golden else task,
        "model": newest.get("model"),
        "asked": [
            # The schema stands in the store; it says no more than the prompt's version does.
            {name: value for name, value in one.items() if name != "schema"}
            for one in asked.values()
        ],
        "requests": store.attempts(),
        "outcomes": outcomes,
        "tokens_in": spent.prompt,
        "tokens_out": spent.completion,
        "tokens_uncertain": spent.uncertain_prompt + spent.uncertain_completion,
        "usd_per_million_in": prices.per_million_in,
        "usd_per_million_out": prices.per_million_out,
        "usd": round(usd, 6) if any(prices) else None,
        "rows": rows,
        "usd_per_row": round(usd / rows, 6) if any(prices) and rows else None,
    }


def _replies_of_a_row(asked: dict[int, dict[str, Any]]) -> int:
    return 2 if any(one.get("task") in IN_BOTH_ORDERS for one in asked.values()) else 1


def enter(pool: Path, store: Store) -> None:
    """Write the entry of a store into the pool's manifest and card; its lock is held."""
    opened = open_pool(pool)
    entry = describe_store(store)
    kept = [
        one
        for one in opened.manifest.get("ledger", [])
        if (one["task"], one["model"]) != (entry["task"], entry["model"])
    ]
    opened.manifest["ledger"] = [*kept, entry]
    save_manifest(opened)
    write_pool_card(open_pool(pool))


def status(pool: Path | str) -> list[dict[str, Any]]:
    """How far each model is, while it works or after: the ledger's entry, and the newest run."""
    folder = open_pool(pool).folder
    found = []
    for path in store_paths(folder):
        store = Store(path, only_read=True)
        try:
            found.append({**describe_store(store), "run": _describe_run(store)})
        finally:
            store.close()
    return found


def _describe_run(store: Store) -> dict[str, Any] | None:
    run = store.last_run()
    if run is None:
        return None
    now = time.time()
    runs = _goes_on(run, now)
    since = max(run.started, now - _WINDOW)
    rate = store.since(since) / max(now - since, 1e-9) if runs else 0.0
    left = max(0, run.missing - run.done)
    return {
        "state": "running" if runs else (run.ended or "killed"),
        "pid": run.pid,
        "machine": run.machine,
        "missing": run.missing,
        "done": run.done,
        "in_flight": run.in_flight if runs else 0,
        "troubles": run.troubles if runs else "",
        "per_second": round(rate, 3),
        "seconds_left": round(left / rate) if rate else None,
        "stop_asked": bool(run.stop and runs),
        "failures": {
            reason: store.last_detail(reason) for reason in store.outcomes() if reason in FAILURES
        },
    }


def _goes_on(run: Run, now: float) -> bool:
    if run.ended is not None or now - run.beat > _ALIVE:
        return False
    if run.machine != platform.node():
        return True
    try:
        os.kill(run.pid, 0)  # sends nothing; says whether there is such a process
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def ask_to_stop(pool: Path | str) -> list[str]:
    """Ask every run that goes on in a pool to end; returns the models whose runs were asked."""
    folder = open_pool(pool).folder
    asked = []
    for path in store_paths(folder):
        store = Store(path)
        try:
            run, described = store.last_run(), _describe_run(store)
            if run and described and described["state"] == "running":
                store.ask_to_stop(run.id)
                asked.append(str(describe_store(store)["model"]))
        finally:
            store.close()
    return asked
