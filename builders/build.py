"""Build a release: rank, take, mix, and write every config in one pass over the text.

    nt/README.md                             the data card
    nt/manifest.json                         how every row came to be there
    nt/disagree-10k/train-00000-of-00001.parquet
    nt/pictures/overlap.png                  on the card, where matplotlib is installed

The same pool, seed and configs give the same bytes, however the pool is sharded; pictures, and the
card and manifest that name them, also depend on matplotlib's being there, and on its version.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from builders.card import render_release_card
from builders.configs import Config, parse_config, published
from builders.errors import BadOption, BadRelease, Busy, PoolTooSmall
from builders.files import PARQUET, ROW_GROUP_ROWS, only_writer, recover_folder, replace_folder
from builders.gather import BUCKET_ROWS, Bucket, Gathered, gather
from builders.manifest import describe_config, describe_release, manifest_text
from builders.mixing import chats, instructed, modes
from builders.pictures import draw_pictures
from builders.pool import MANIFEST, Pool, open_pool
from builders.schema import PUBLISHED, arrow_schema
from builders.selection import Availability, Selection, refusal, select

FILE_ROWS = 50_000
"""Rows of one Parquet file: about 500 MB at 6,000 tokens a trace. A multiple of BUCKET_ROWS."""

Progress = Callable[[Iterable[Any], str], Iterable[Any]]


class Release(NamedTuple):
    """What a build made, and what it left out."""

    folder: Path
    manifest: dict[str, Any]
    skipped: list[Availability]


def no_progress(items: Iterable[Any], what: str) -> Iterable[Any]:
    """Show nothing."""
    return items


def build(
    pool: Path | str,
    out: Path | str,
    *,
    configs: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = no_progress,
) -> Release:
    """Write a release folder; it replaces the one that is there at once, or not at all.

    Args:
        pool: the pool's folder.
        out: the release's folder; if it exists it must be a release, and nothing else.
        configs: names; exactly these are built. By default every published config that the pool
            can fill.
        seed: of everything random.
        progress: wraps what is iterated over, to show how far it is.

    Raises:
        UnknownConfig, MissingColumn, PoolTooSmall: a config of that name cannot be built.
        BadPool, BadRelease, Busy: the folders cannot be used.
    """
    if not 0 <= seed < 2**64:
        raise BadOption(f"--seed {seed}: is not from 0 to 2^64 - 1")
    opened = open_pool(pool)
    wanted = [parse_config(name) for name in dict.fromkeys(configs)] or published()
    folder = Path(out).resolve()
    _check_replaceable(folder, shown=out)
    fingerprint = opened.fingerprint()
    selection = select(opened, wanted, seed=seed)
    skipped = [one for one in selection.availabilities if not one.can_be_filled]
    if configs and skipped:
        raise refusal(skipped[0], opened)
    if len(skipped) == len(wanted):
        raise PoolTooSmall(
            f"{pool}: none of the published configs can be filled by "
            f"{opened.num_rows('traces'):,} traces; nt list --pool {pool} says why, and "
            "--config random-SIZE builds one of any size"
        )
    with only_writer(folder):
        recover_folder(folder)
        _check_replaceable(folder, shown=out)
        new = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        try:
            manifest = _write(opened, fingerprint, selection, seed, new, progress)
            if opened.fingerprint() != fingerprint:
                raise Busy(f"{pool}: its labels changed while it was read; build again")
            replace_folder(new, folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return Release(Path(out), manifest, skipped)


def _check_replaceable(folder: Path, *, shown: Path | str) -> None:
    """Refuse to replace a folder that holds anything but a release."""
    if folder.exists() and not folder.is_dir():
        raise BadRelease(f"{shown}: is not a folder")
    if folder in (Path.cwd(), *Path.cwd().parents):
        raise BadRelease(f"{shown}: is where you are; name a folder of its own with --out")
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["kind"] != "release":
            raise ValueError("a manifest of something else")
        ours = {"README.md", MANIFEST} | {
            file["path"] for config in manifest["configs"] for file in config["files"]
        }
        ours |= {picture["path"] for picture in manifest.get("pictures", [])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRelease(
            f"{shown}: is not empty and not a release, so it is not replaced; "
            "name another folder with --out, or remove it"
        ) from error
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if strange := sorted(here - ours):
        raise BadRelease(
            f"{shown}: would be replaced, but holds what no build wrote: {', '.join(strange[:5])}; "
            "move it away, or name another folder with --out"
        )


def _write(
    pool: Pool,
    fingerprint: str,
    selection: Selection,
    seed: int,
    folder: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Write all files of the release that can be filled, and return its manifest."""
    configs = [one.config for one in selection.availabilities if one.can_be_filled]
    longest: dict[str, int] = {}
    for config in configs:
        longest[config.ranking] = max(longest.get(config.ranking, 0), config.size)
    rankings = {name: selection.rankings[name][:size] for name, size in longest.items()}

    described = []
    with gather(
        pool, rankings, folder, progress=lambda shards: progress(shards, "reading")
    ) as gathered:
        for config in progress(configs, "writing"):
            paths = _write_config(config, gathered, folder, seed)
            described.append(describe_config(config, selection, paths, folder, seed=seed))

    manifest = describe_release(pool, fingerprint, selection, described, folder, seed=seed)
    manifest["pictures"] = draw_pictures(manifest, folder)
    (folder / MANIFEST).write_text(manifest_text(manifest), encoding="utf-8")
    (folder / "README.md").write_text(render_release_card(manifest), encoding="utf-8")
    return manifest


def _write_config(config: Config, gathered: Gathered, folder: Path, seed: int) -> list[Path]:
    """Write the Parquet files of one config, in the order of rank."""
    schema = arrow_schema(PUBLISHED)
    count = -(-config.size // FILE_ROWS)
    paths = []
    (folder / config.name).mkdir()
    for number in range(count):
        path = folder / config.name / f"train-{number:05d}-of-{count:05d}.parquet"
        start, end = number * FILE_ROWS, min((number + 1) * FILE_ROWS, config.size)
        with pq.ParquetWriter(path, schema, **PARQUET) as writer:
            for bucket in range(start // BUCKET_ROWS, -(-end // BUCKET_ROWS)):
                rows = gathered.read(Bucket(config.ranking, bucket))
                rows = rows.slice(0, end - bucket * BUCKET_ROWS)
                thinks = modes(config.mixing, rows, seed=seed)
                told = instructed(config.mixing, rows["id"].to_pylist(), seed=seed)
                for name, values in chats(rows, thinks, told).items():
                    rows = rows.append_column(name, values)
                writer.write_table(rows.select(schema.names).cast(schema), ROW_GROUP_ROWS)
        paths.append(path)
    return paths
