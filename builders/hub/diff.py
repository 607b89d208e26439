"""What differs between two releases: rules and seeds from the manifests, rows from narrow columns.

    ConfigDiff(name="random-1k", state="in both", added=40, removed=40, changed=3, moved=957,
               rules={"seed": (0, 1)})

No text is read: an id is a hash of it. A row is *changed* if its id stays and a label or its mode
does not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from builders.build import Progress, no_progress
from builders.errors import BadRelease
from builders.hub.addresses import folder_or_address
from builders.hub.contents import open_manifest
from builders.hub.publishing import same_contents
from builders.hub.remote import Remote, connect, read_manifest, resolve
from builders.schema import KEYS, MESSAGES, TEXT

Bump = Literal["none", "patch", "minor", "major"]

_RULES = ("rule", "selector", "mixing", "eligible")
_OF_ALL = ("seed", "instructions", "naturalthoughts")
_OF_THE_POOL = ("fingerprint", "traces", "questions", "tokenizer", "annotations", "synthetic")


class ConfigDiff(NamedTuple):
    """What differs in one config, or in one table of a pool."""

    name: str
    state: Literal["only left", "only right", "in both"]
    added: int
    removed: int
    changed: int
    rules: dict[str, tuple[Any, Any]]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return self.state == "in both" and not (
            self.added or self.removed or self.changed or self.rules
        )


class Diff(NamedTuple):
    """What differs, and what semantic versioning of data calls it."""

    settings: dict[str, tuple[Any, Any]]
    columns: tuple[list[str], list[str]]
    configs: list[ConfigDiff]
    bump: Bump


class _Side(NamedTuple):
    """A release that can be read: its manifest, and its files here or there."""

    manifest: dict[str, Any]
    folder: Path
    remote: Remote | None
    commit: str

    def narrow(self, path: str) -> pa.Table:
        """The narrow columns of a file; of one on the Hub, no more than these is fetched."""
        if self.remote is None:
            return _narrow(self.folder / path)
        with self.remote.opened(path, self.commit) as file:
            return _narrow(file)


def diff(
    left: str,
    right: str,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    progress: Progress = no_progress,
) -> Diff:
    """Compare two releases, or two pools.

    Args:
        left: a folder, ORG/NAME@TAG or ORG/NAME: what there was.
        right: the same: what there is.
        endpoint: of the Hub; by default what huggingface_hub was told.
        token: by default the one that the user logged in with.
        progress: wraps the configs, to show how far it is.

    Raises:
        BadOption, BadRelease, HubError: they cannot be compared.
    """
    a, b = (_side(text, endpoint, token) for text in (left, right))
    if a.manifest["kind"] != b.manifest["kind"]:
        raise BadRelease(
            f"{left} is a {a.manifest['kind']} and {right} a {b.manifest['kind']}; "
            "compare two of a kind"
        )
    files_a, files_b = _files(a), _files(b)
    names = list(dict.fromkeys([*files_b, *files_a]))
    configs = [_config(name, a, b, files_a, files_b) for name in progress(names, "comparing")]
    columns = (
        [str(c) for c in a.manifest.get("columns", [])],
        [str(c) for c in b.manifest.get("columns", [])],
    )
    differing = (
        [c for c in columns[0] if c not in columns[1]],
        [c for c in columns[1] if c not in columns[0]],
    )
    settings = _settings(a.manifest, b.manifest)
    return Diff(settings, differing, configs, _bump(a, b, differing, configs))


def _side(text: str, endpoint: str | None, token: str | None) -> _Side:
    where = folder_or_address(text)
    if isinstance(where, Path):
        return _Side(open_manifest(where), where, None, "")
    remote = connect(where.repo, endpoint=endpoint, token=token)
    commit = resolve(remote, where)
    return _Side(read_manifest(remote, commit), Path(), remote, commit)


def _files(side: _Side) -> dict[str, dict[str, str]]:
    """Of each config the files, and their sha256 where the manifest tells it."""
    if side.manifest["kind"] == "release":
        return {
            config["name"]: {file["path"]: file["sha256"] for file in config["files"]}
            for config in side.manifest["configs"]
        }
    listed = {file["path"]: file["sha256"] for file in side.manifest.get("files", [])}
    tables = {}
    for table in KEYS:
        here = {path: sha for path, sha in listed.items() if path.startswith(f"{table}/")}
        shards = side.folder.glob(f"{table}/[0-9]*.parquet") if side.remote is None else []
        tables[table] = here or {p.relative_to(side.folder).as_posix(): "" for p in sorted(shards)}
    return tables


def _config(
    name: str,
    a: _Side,
    b: _Side,
    files_a: Mapping[str, dict[str, str]],
    files_b: Mapping[str, dict[str, str]],
) -> ConfigDiff:
    if name not in files_b:
        return ConfigDiff(name, "only left", 0, _count(a, name), 0, {})
    if name not in files_a:
        return ConfigDiff(name, "only right", _count(b, name), 0, 0, {})
    rules = _differences(_rules(a, name), _rules(b, name), _RULES)
    one, other = files_a[name], files_b[name]
    if one == other and all(one.values()):  # the same bytes: nothing need be read
        return ConfigDiff(name, "in both", 0, 0, 0, rules)
    key = KEYS.get(name, "id")
    before, after = _digests(a, one, key), _digests(b, other, key)
    common = np.intersect1d(before["id"], after["id"], return_indices=True)
    changed = int((before["row"][common[1]] != after["row"][common[2]]).sum())
    gone, come = len(before) - len(common[0]), len(after) - len(common[0])
    return ConfigDiff(name, "in both", come, gone, changed, rules)


def _digests(side: _Side, paths: Mapping[str, str], key: str) -> np.ndarray[Any, Any]:
    """For each row its id and a hash of its narrow columns, as numbers."""
    parts = [np.zeros(0, [("id", "u8"), ("row", "u8")])]
    for path in paths:
        table = side.narrow(path)
        part = np.zeros(len(table), parts[0].dtype)
        part["id"] = [int(id, 16) for id in table[key].to_pylist()]
        columns = [column.to_pylist() for column in table.columns]
        rows = zip(*columns, strict=True)
        part["row"] = [xxhash.xxh3_64_intdigest(repr(row)) for row in rows]
        parts.append(part)
    return np.concatenate(parts)


def _narrow(file: Any) -> pa.Table:
    parquet = pq.ParquetFile(file)
    wide = (*TEXT, "reference_answer")
    names = [
        field.name
        for field in parquet.schema_arrow
        if field.name not in wide and not field.type.equals(MESSAGES)
    ]
    return parquet.read(names)


def _count(side: _Side, name: str) -> int:
    for config in side.manifest.get("configs", []):
        if config["name"] == name:
            return int(config["rows"])
    return sum(len(side.narrow(path)) for path in _files(side)[name])


def _rules(side: _Side, name: str) -> dict[str, Any]:
    configs: list[dict[str, Any]] = side.manifest.get("configs", [])
    return next((config for config in configs if config["name"] == name), {})


def _settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    found = _differences(a, b, _OF_ALL)
    pools = a.get("pool", {}), b.get("pool", {})
    of_pool = _differences(*pools, _OF_THE_POOL)
    return found | {f"pool {name}": values for name, values in of_pool.items()}


def _differences(
    a: Mapping[str, Any], b: Mapping[str, Any], names: tuple[str, ...]
) -> dict[str, tuple[Any, Any]]:
    return {n: (a.get(n), b.get(n)) for n in names if a.get(n) != b.get(n)}


def _bump(
    a: _Side,
    b: _Side,
    columns: tuple[list[str], list[str]],
    configs: list[ConfigDiff],
) -> Bump:
    """Major: columns change; minor: configs or rows; patch: what describes them."""
    if any(columns):
        return "major"
    if not all(config.is_same for config in configs):
        return "minor"
    return "none" if same_contents(a.manifest, b.manifest) else "patch"
