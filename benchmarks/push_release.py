"""Publishing 20 configs, beside `upload_folder` and `push_to_hub` of each config.

    python benchmarks/push_release.py [--rows 20000] [--rounds 3] [--keep FOLDER]

All send to the same Hub of our own on this machine, a process of its own, by LFS, and empty each
time. Ours hashes and verifies every file first, and sends one commit; `upload_folder` takes the
folder as it is; `push_to_hub` writes the Parquet of each config anew and makes a commit of it. The
search for secrets is measured by itself. Then the same release again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from build_configs import make_pool
from measure import Run, machine, run, spread, table, write_section

ROOT = Path(__file__).parent.parent
SIZES = (10_000, 9_900, 9_800, 9_700, 9_600, 9_500)
CONFIGS = [
    *(f"{family}-{size}" for family in ("random", "long", "topics") for size in SIZES),
    "mix-p60-10000",
    "mix-difficulty-10000",
]


def with_push(folder: Path) -> None:
    """`nt push`, without the search for secrets."""
    from builders.hub.push import push

    push(folder, "ORG/nt", tag="v1.0.0", accept_findings=True)


def with_upload_folder(folder: Path) -> None:
    """`HfApi.upload_folder`."""
    from huggingface_hub import HfApi

    api = HfApi()
    api.create_repo("ORG/nt", repo_type="dataset")
    api.upload_folder(repo_id="ORG/nt", folder_path=folder, repo_type="dataset")


def with_push_to_hub(folder: Path) -> None:
    """`DatasetDict.push_to_hub` of each config; its Arrow cache is there already."""
    import datasets

    datasets.disable_progress_bars()
    for path in sorted(path for path in folder.iterdir() if list(path.glob("*.parquet"))):
        rows = datasets.load_dataset(str(folder), path.name)
        rows.push_to_hub("ORG/nt", path.name)


def with_scan(folder: Path) -> None:
    """The search for secrets."""
    from builders.hub.addresses import parse_tag
    from builders.hub.publishing import edition
    from builders.hub.scanning import scan

    new = edition(folder, "ORG/nt", parse_tag("v1.0.0"), language=["en"])
    list(scan(new, [item.path for item in new.items]))


CONTENDERS = {
    "nt push": with_push,
    "upload_folder": with_upload_folder,
    "push_to_hub": with_push_to_hub,
}
DOERS = {**CONTENDERS, "scan": with_scan}


def measured(name: str, folder: Path, home: Path, store: Path, *, times: int = 1) -> list[Run]:
    """Run a contender against a Hub that is empty at first."""
    server = subprocess.Popen(
        [sys.executable, ROOT / "tests" / "hub_protocol.py", store],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    environment = {
        "HF_ENDPOINT": server.stdout.readline().strip(),
        "HF_TOKEN": "hf_w'r\"i$t`e\\r%41&<tok>{x}",
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    try:
        words = [__file__, "--do", name, "--folder", str(folder)]
        return [run(words, cores=2, environment=environment) for _ in range(times)]
    finally:
        server.terminate()
        server.wait()
        for path in store.rglob("*"):
            if path.is_file():
                path.unlink()


def main() -> None:
    """Make the release, measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="of the pool")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="where pool and release lie, or will lie")
    parser.add_argument("--do", choices=DOERS, help="for the script itself")
    parser.add_argument("--folder", type=Path, help="for the script itself")
    arguments = parser.parse_args()
    if arguments.do:
        DOERS[arguments.do](arguments.folder)
        return
    with tempfile.TemporaryDirectory(prefix="nt-bench-") as scratch:
        where = arguments.keep or Path(scratch)
        folder = where / "nt"
        if not folder.exists():
            from builders.build import build

            where.mkdir(parents=True, exist_ok=True)
            make_pool(where, arguments.rows)
            build(where / "pool", folder, configs=CONFIGS)
        home, store = where / "home", where / "store"
        runs: dict[str, list[Run]] = {name: [] for name in CONTENDERS}
        measured("push_to_hub", folder, home, store)  # fills its Arrow cache
        again = []
        for number in range(arguments.rounds):
            for name in CONTENDERS:
                both = measured(name, folder, home, store, times=2 if name == "nt push" else 1)
                runs[name].append(both[0])
                again += both[1:]
                print(f"round {number + 1}  {name}: {both}", file=sys.stderr, flush=True)
        scan = measured("scan", folder, home, store)[0]
        report(folder, runs, again, scan)


def report(folder: Path, runs: dict[str, list[Run]], again: list[Run], scan: Run) -> None:
    """Write the section."""
    manifest = json.loads((folder / "manifest.json").read_text())
    size = sum(config["download_size"] for config in manifest["configs"]) / 1e6
    began = time.monotonic()
    for path in folder.rglob("*.parquet"):
        subprocess.run(["sha256sum", path], check=True, capture_output=True)
    hashing = time.monotonic() - began
    ours = spread([size / one.seconds for one in runs["nt push"]], 0)
    faster = [
        min(runs[name][number].seconds for name in CONTENDERS if name != "nt push")
        / runs["nt push"][number].seconds
        for number in range(len(runs["nt push"]))
    ]
    text = f"""
{len(manifest["configs"])} configs, {size:,.0f} MB of Parquet, to a Hub of our own on this machine,
two cores for sender and server together, {len(faster)} rounds in turns.
`benchmarks/push_release.py` says what each does.

{table(runs, "nt push")}

`nt push`: {ours} MB/s, {spread(faster)} times as fast as the faster of the others; wanted: 0.9.
The unchanged release again: {spread([one.seconds for one in again], 1)} s; wanted: hashing and
5 s (`sha256sum`, one file after the other, takes {hashing:.1f} s; ours hashes two at once).
The search for secrets comes on top, once for each row: {scan.seconds:.0f} s,
{size / scan.seconds:.0f} MB of Parquet a second on one core.

{machine()}
"""
    write_section("push_release", "Publishing", text)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    main()
