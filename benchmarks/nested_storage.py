"""New bytes when smaller configs are stored beside a larger one, by the Hub's own deduplication.

    python benchmarks/nested_storage.py [--traces 30000]

hf_xet, the Hub's transfer library, uploads the files of `random-30k`, `random-10k` and `random-1k`
into a local store, and counts the bytes that the store did not have yet. For comparison the same
rows are written in the order of the pool, as `select(sorted)` leaves them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from build_configs import make_pool
from measure import write_section

SIZES = ("1k", "10k")


def new_shares(store: Path, larger: Path, smaller: list[Path]) -> list[float]:
    """Of each smaller file the share of its bytes that is new when the larger one is there."""
    import hf_xet

    store.mkdir()
    session = hf_xet.XetSession()
    shares = []
    for path in (larger, *smaller):
        with session.new_upload_commit(endpoint=f"local://{store}") as commit:
            upload = commit.start_upload_file(str(path))
        counted = upload.result().dedup_metrics
        shares.append(counted.new_bytes / counted.total_bytes)
    return shares[1:]


def main() -> None:
    """Build, upload, write the section."""
    from builders.build import build
    from builders.files import PARQUET, ROW_GROUP_ROWS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--traces", type=int, default=30_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pool(folder, options.traces)
        large = f"random-{options.traces}"
        release = folder / "nt"
        build(folder / "pool", release, configs=[large, *(f"random-{size}" for size in SIZES)])

        def file(config: str) -> Path:
            return release / config / "train-00000-of-00001.parquet"

        ranked = new_shares(folder / "a", file(large), [file(f"random-{size}") for size in SIZES])
        by_pool = {}
        order = {row: at for at, row in enumerate(_pool_order(folder / "pool"))}
        for config in (large, *(f"random-{size}" for size in SIZES)):
            rows = pq.read_table(file(config))
            places = [order[one] for one in rows["id"].to_pylist()]
            by_pool[config] = folder / f"{config}.parquet"
            with pq.ParquetWriter(by_pool[config], rows.schema, **PARQUET) as writer:
                for start in range(0, len(rows), ROW_GROUP_ROWS):
                    some = sorted(range(len(rows)), key=places.__getitem__)[start:][:ROW_GROUP_ROWS]
                    writer.write_table(rows.take(some))
        paths = list(by_pool.values())
        unranked = new_shares(folder / "b", paths[0], paths[1:])
        size = file(large).stat().st_size
    lines = [
        f"`{large}` ({size / 1e6:,.0f} MB) is stored first, by hf_xet into a local store. "
        "Synthetic traces of about 12 kB.",
        "",
        "| config | new bytes, in the order of rank | new bytes, in the order of the pool |",
        "|---|---:|---:|",
        *(
            f"| `random-{size}` | {ours:.1%} | {other:.1%} |"
            for size, ours, other in zip(SIZES, ranked, unranked, strict=True)
        ),
        "",
        "Wanted: under 5%.",
    ]
    write_section("nested_storage", "New bytes of a smaller config", "\n".join(lines))


def _pool_order(pool: Path) -> list[str]:
    from builders.pool import open_pool

    ids: list[str] = open_pool(pool).facts(["id"])["id"].to_pylist()
    return ids


if __name__ == "__main__":
    main()
