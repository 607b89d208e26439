"""What `load_dataset` really gives on this machine.

It ignores the revision that it is asked for when the Hub cannot be reached and its cache holds
another one: the rows are then those of another release, and only a warning says so. What it loaded
names its release in `info.description` and `info.version`, which come from the card.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from builders.build import Progress
from builders.files import ROW_GROUP_ROWS
from builders.schema import KEYS


def check_loaded(
    name: str,
    revision: str | None,
    manifest: Mapping[str, Any],
    folder: Path,
    *,
    progress: Progress,
) -> list[str]:
    """Load every config as a user would, and compare it with the files that were verified.

    What is in the cache of datasets already is compared whole; of the rest, the first rows are
    streamed.

    Args:
        name: a folder or the id of a data set.
        revision: as the user would name it.
        manifest: of the verified files.
        folder: where they lie.
        progress: wraps the configs, to show how far it is.
    """
    problems = []
    for config, key, paths in progress(list(_configs(manifest, folder)), "loading"):
        problems += _check(name, revision, config, key, paths, _title(manifest))
    return problems


def loaded_offline(name: str, revision: str | None) -> str:
    """What `load_dataset` would give now that the Hub cannot be asked; words for a message."""
    import datasets

    root = Path(datasets.config.HF_DATASETS_CACHE) / name.replace("/", "___")
    found = sorted(
        {path.parent.parent.parent.name for path in root.glob("*/*/*/dataset_info.json")}
    )
    said = [f"{config} of {_cached_title(root, config)}" for config in found]
    asked = f", revision='{revision}'" if revision else ""
    return f"; load_dataset('{name}', …{asked}) gives here {', '.join(said)}" if said else ""


def _cached_title(root: Path, config: str) -> str:
    """Which release the newest copy of a config in the cache is: the one that would be loaded."""
    newest = max(root.glob(f"{config}/*/*/dataset_info.json"), key=lambda p: p.stat().st_mtime)
    try:
        return str(json.loads(newest.read_text("utf-8")).get("description") or "no known release")
    except ValueError:
        return "no known release"


def _configs(manifest: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str, list[Path]]]:
    """Each config with its key column and its files."""
    if manifest["kind"] == "release":
        for config in manifest["configs"]:
            yield config["name"], "id", [folder / file["path"] for file in config["files"]]
    else:
        for table, key in KEYS.items():
            yield table, key, sorted((folder / table).glob("[0-9]*.parquet"))


def _title(manifest: Mapping[str, Any]) -> str:
    published = manifest.get("published")
    return f"{published['repo']} {published['tag']}" if published else ""


def _check(
    name: str, revision: str | None, config: str, key: str, paths: list[Path], title: str
) -> list[str]:
    import datasets

    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # what it logs, we say
    try:
        builder = datasets.load_dataset_builder(name, config, revision=revision)
        if Path(builder.cache_dir).is_dir():
            rows = builder.as_dataset(split="train").data.column(key)
            limit = None
        else:
            limit = ROW_GROUP_ROWS
            stream = builder.as_streaming_dataset(split="train").select_columns([key]).take(limit)
            rows = pa.chunked_array([pa.array([row[key] for row in stream], pa.string())])
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        return [f"{config}: load_dataset fails: {' '.join(str(error).split())[:200]}"]
    given = builder.info.description or "no release that says its name"
    if title and given != title:
        return [f"{config}: load_dataset gives {given}, not {title}"]
    wanted = pa.concat_tables([pq.read_table(path, columns=[key]) for path in paths])[key]
    wanted = wanted.slice(0, limit) if limit else wanted
    if rows.cast(pa.string()).to_pylist() != wanted.to_pylist():
        return [f"{config}: load_dataset gives other rows than the files hold"]
    return []
