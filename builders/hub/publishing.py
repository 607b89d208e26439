"""What is published of a folder: its data files, a manifest that names the release, and the card.

The manifest on the Hub is that of the folder with one entry more:

    "published": {"repo": "ORG/nt", "tag": "v1.0.0", "version": "1.0.0", "language": ["en"]}

The folder itself is not changed; `nt pull` brings what was published.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import builders
from builders.card import release_licensing, render_pool_card, render_release_card
from builders.hub.addresses import Tag
from builders.hub.contents import Item, hash_files, listed, open_manifest, pool_paths
from builders.hub.notes import notes_of, with_notes
from builders.licenses import Licensing, licensing
from builders.pool import MANIFEST, open_pool
from builders.release import CARD, sealed


class Edition(NamedTuple):
    """A release or pool as it is to stand on the Hub under one tag."""

    folder: Path
    manifest: dict[str, Any]
    card: str
    items: list[Item]
    licensing: Licensing

    @property
    def texts(self) -> dict[str, bytes]:
        """The two files that are made when a release is published."""
        return {CARD: self.card.encode(), MANIFEST: manifest_text(self.manifest).encode()}


def edition(folder: Path, repo: str, tag: Tag, *, language: Sequence[str]) -> Edition:
    """What is published of a folder under this tag."""
    manifest = unpublished(open_manifest(folder))
    manifest["published"] = {
        "repo": repo,
        "tag": tag.name,
        "version": tag.version,
        "language": list(language),
    }
    if manifest["kind"] == "pool":
        pool = open_pool(folder)._replace(manifest=manifest)
        items = list(hash_files(folder, pool_paths(folder)))
        card, terms = render_pool_card(pool), licensing(pool.licenses())
        manifest["files"] = [item._asdict() for item in items]
        manifest["naturalthoughts"] = builders.__version__
    else:
        items = listed(manifest)
        card, terms = render_release_card(manifest), release_licensing(manifest)
    data = card.encode()
    manifest["card"] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    local = folder / CARD
    if local.is_file():
        notes = notes_of(local.read_text(encoding="utf-8"), str(local))
        card = with_notes(card, notes) if notes.strip() else card
    return Edition(folder, sealed(manifest), card, items, terms)


def manifest_text(manifest: dict[str, Any]) -> str:
    """A manifest as it is written."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def unpublished(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest without what publishing adds to it."""
    added = ["published", "card", "fingerprint"]
    if manifest.get("kind") == "pool":
        added += ["files", "naturalthoughts"]
    return {name: value for name, value in manifest.items() if name not in added}


def same_contents(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two manifests are of the same rows by the same rules; pictures may look otherwise."""
    if a.get("kind") == "pool" and {"files"} <= a.keys() & b.keys() and a["files"] != b["files"]:
        return False
    one, other = unpublished(a), unpublished(b)
    return {**one, "pictures": None} == {**other, "pictures": None}
