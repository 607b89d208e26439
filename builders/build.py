"""Build a release: rank, take, mix, and write every config in one pass over the text.

    nt/README.md                             the data card
    nt/manifest.json                         how every row came to be there
    nt/disagree-10k/train-00000-of-00001.parquet
    nt/pictures/overlap.png                  on the card, where matplotlib is installed

The same pool, seed and configs give the same bytes, however the pool is sharded; pictures, and the
card and manifest that name them, also depend on matplotlib's being there, and on its version.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from builders.card import render_release_card
from builders.config_files import write_configs
from builders.configs import Config, parse_config, published
from builders.errors import BadOption, BadRelease, Busy, ChangedByHand, PoolTooSmall
from builders.files import (
    link_or_copy,
    only_writer,
    recover_folder,
    replace_folder,
    room_for,
)
from builders.gather import SPILL_BYTES, gather
from builders.manifest import describe_config, describe_release, files_key, manifest_text
from builders.pictures import draw_pictures
from builders.pool import MANIFEST, Digests, Pool, fingerprint_of, open_pool
from builders.release import (
    CARD,
    changed_files,
    listed_files,
    read_manifest,
    sealed,
    sha256_of,
)
from builders.selection import Availability, Selection, refusal, select
from builders.selectors import Indices

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
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> Release:
    """Write a release folder; it replaces the one that is there at once, or not at all.

    Files of configs that come out as they are already are taken over, not written again.

    Args:
        pool: the pool's folder.
        out: the release's folder; if it exists it must be a release, and nothing else.
        configs: names; exactly these are built. By default every published config that the pool
            can fill.
        seed: of everything random.
        overwrite: replace a release even if its files were changed by hand since it was built.
        progress: wraps what is iterated over, to show how far it is.

    Raises:
        UnknownConfig, MissingColumn, PoolTooSmall: a config of that name cannot be built.
        BadPool, BadRelease, Busy: the folders cannot be used.
        ChangedByHand: files of the release that is there are not what a build wrote.
        DiskFull: there is no room; the release that is there stays.
    """
    if not 0 <= seed < 2**64:
        raise BadOption(f"--seed {seed}: is not from 0 to 2^64 - 1")
    opened = open_pool(pool)
    wanted = [parse_config(name) for name in dict.fromkeys(configs)] or published()
    folder = Path(out).resolve()
    check_replaceable(folder, shown=out)
    digests = opened.digests()
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
        check_replaceable(folder, shown=out)
        intact = _intact_configs(folder, shown=out, overwrite=overwrite, progress=progress)
        new = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        try:
            manifest = _write(opened, digests, selection, seed, new, Kept(folder, intact), progress)
            if opened.fingerprint() != fingerprint_of(digests):
                raise Busy(f"{pool}: its labels changed while it was read; build again")
            replace_folder(new, folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return Release(Path(out), manifest, skipped)


def check_replaceable(folder: Path, *, shown: Path | str) -> None:
    """Refuse to replace a folder that holds anything but a release."""
    if folder.exists() and not folder.is_dir():
        raise BadRelease(f"{shown}: is not a folder")
    if folder in (Path.cwd(), *Path.cwd().parents):
        raise BadRelease(f"{shown}: is where you are; name a folder of its own with --out")
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        manifest = read_manifest(folder)
    except BadRelease as error:
        raise BadRelease(
            f"{shown}: is not empty and not a release, so it is not replaced; "
            "name another folder with --out, or remove it"
        ) from error
    ours = {CARD, MANIFEST} | {file["path"] for file in listed_files(manifest)}
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if strange := sorted(here - ours):
        raise BadRelease(
            f"{shown}: would be replaced, but holds what no build wrote: {', '.join(strange[:5])}; "
            "move it away, or name another folder with --out"
        )


class Kept(NamedTuple):
    """The release that is there: its folder, and by key the configs whose files can be reused."""

    folder: Path
    configs: Mapping[str, Any]

    def take_over(self, key: str, folder: Path) -> dict[str, Any] | None:
        """Put the files of the config with this key into another folder, too; None: not there."""
        if key not in self.configs:
            return None
        for file in self.configs[key]["files"]:
            link_or_copy(self.folder / file["path"], folder / file["path"])
        return {name: self.configs[key][name] for name in ("num_bytes", "download_size", "files")}


def _intact_configs(
    folder: Path, *, shown: Path | str, overwrite: bool, progress: Progress
) -> dict[str, Any]:
    """The configs of the release that is there, by key; those whose files are as they were built.

    Raises:
        ChangedByHand: something is not as it was built, and `overwrite` does not allow for it.
    """
    if not (folder / MANIFEST).exists():
        return {}
    manifest = read_manifest(folder)
    changed = changed_files(folder, manifest, progress=lambda files: progress(files, "checking"))
    lost = [name for name in changed if (folder / name).exists()]
    if lost and not overwrite:
        raise ChangedByHand(
            f"{shown}: was changed since it was built: {', '.join(lost[:5])}; "
            "move it away, or replace it all the same with --overwrite"
        )
    if MANIFEST in changed:
        return {}
    return {
        config["key"]: config
        for config in manifest["configs"]
        if not any(file["path"] in changed for file in config["files"])
    }


def _write(
    pool: Pool,
    digests: Digests,
    selection: Selection,
    seed: int,
    folder: Path,
    kept: Kept,
    progress: Progress,
) -> dict[str, Any]:
    """Write all files of the release that can be filled, and return its manifest."""
    configs = [one.config for one in selection.availabilities if one.can_be_filled]
    keys = [files_key(config, selection, digests, seed=seed) for config in configs]
    files = {key: kept.take_over(key, folder) for key in keys}
    longest: dict[str, int] = {}
    for config, key in zip(configs, keys, strict=True):
        if not files[key]:
            longest[config.ranking] = max(longest.get(config.ranking, 0), config.size)
    rankings = {name: selection.rankings[name][:size] for name, size in longest.items()}
    new = [config for config, key in zip(configs, keys, strict=True) if not files[key]]

    with (
        room_for(
            _bytes_needed(pool, selection, new, rankings),
            folder.parent,
            kept="the release is as it was before",
        ),
        gather(
            pool, rankings, folder, progress=lambda shards: progress(shards, "reading")
        ) as gathered,
    ):
        written = write_configs(
            new, gathered, folder, seed=seed, progress=lambda items: progress(items, "writing")
        )
    described = [
        describe_config(
            config, selection, key=key, written=files[key] or written[config.name], seed=seed
        )
        for config, key in zip(configs, keys, strict=True)
    ]
    manifest = describe_release(
        pool, fingerprint_of(digests), selection, described, folder, seed=seed
    )
    manifest["pictures"] = draw_pictures(manifest, folder)
    card = render_release_card(manifest).encode()
    (folder / CARD).write_bytes(card)
    manifest["card"] = {"bytes": len(card), "sha256": sha256_of(folder / CARD)}
    manifest = sealed(manifest)
    (folder / MANIFEST).write_text(manifest_text(manifest), encoding="utf-8")
    return manifest


def _bytes_needed(
    pool: Pool, selection: Selection, configs: Sequence[Config], rankings: Mapping[str, Indices]
) -> int:
    """About how many bytes a build writes: the files, and before them the gathered text."""
    shards = pool.shards("traces")
    packed = sum(shard.stat().st_size for shard in shards)
    metadata = map(pq.read_metadata, shards)
    plain = sum(m.row_group(i).total_byte_size for m in metadata for i in range(m.num_row_groups))
    length = selection.facts["num_tokens"].to_numpy() + 1

    def share(rows: Indices) -> float:
        return float(length[rows].sum() / length.sum())

    files = sum(share(selection.rankings[c.ranking][: c.size]) for c in configs)
    gathered = plain * sum(map(share, rankings.values()))
    # A published file has the text twice: in columns of its own, and in `messages`.
    return round(2 * packed * files + (gathered if gathered > SPILL_BYTES else 0))
