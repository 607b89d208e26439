"""What a push would change: new, changed, unchanged, deleted files, and those of others."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from builders.errors import BadRelease
from builders.hub.contents import Item, listed, parse_manifest
from builders.hub.publishing import Edition
from builders.hub.remote import Node
from builders.pool import MANIFEST
from builders.release import CARD

_BY_THE_HUB = ".gitattributes"


class Plan(NamedTuple):
    """The files of a push by what happens to them; `kept` are neither ours nor touched."""

    new: list[Item]
    changed: list[Item]
    unchanged: list[Item]
    deleted: list[Item]
    kept: list[Item]

    @property
    def to_send(self) -> list[Item]:
        """What is not on the Hub yet."""
        return [*self.new, *self.changed]

    @property
    def is_empty(self) -> bool:
        """Whether `main` shows this release already."""
        return not (self.new or self.changed or self.deleted)


def make_plan(edition: Edition, there: Mapping[str, Node], before: str | None, repo: str) -> Plan:
    """Compare an edition with what lies on the Hub.

    Args:
        edition: what is to be published.
        there: the files on the Hub.
        before: the text of the manifest on the Hub; None if there is none.
        repo: the data set, for messages.

    Raises:
        BadRelease: the data set holds something that is not ours to replace.
    """
    texts = {name: _item(name, data) for name, data in edition.texts.items()}
    ours = texts | {item.path: item for item in edition.items}
    theirs = {path: node for path, node in there.items() if path != _BY_THE_HUB}
    was_listed = _listed_before(edition, theirs, before, repo)
    plan = Plan([], [], [], [], [])
    for path, item in ours.items():
        if path not in theirs:
            plan.new.append(item)
        elif _same(item, theirs[path], edition):
            plan.unchanged.append(item)
        else:
            plan.changed.append(item)
    for path, node in theirs.items():
        if path not in ours:
            gone = path in was_listed or path.endswith(".parquet")
            item = Item(path, node.bytes, node.sha256 or "")
            (plan.deleted if gone else plan.kept).append(item)
    return plan


def _listed_before(
    edition: Edition, theirs: Mapping[str, Node], before: str | None, repo: str
) -> set[str]:
    """The data files that the release on the Hub lists; others may be anybody's."""
    if before is None:
        if set(theirs) - {CARD}:
            raise BadRelease(
                f"{repo}: holds files, but no {MANIFEST}, so it is no release of ours and is not "
                "replaced; name another data set"
            )
        return set()
    manifest = parse_manifest(before, f"{repo}/{MANIFEST}")
    if manifest["kind"] != edition.manifest["kind"]:
        raise BadRelease(
            f"{repo}: holds a {manifest['kind']}, not a {edition.manifest['kind']}; "
            "name another data set"
        )
    return {item.path for item in listed(manifest)}


def _item(path: str, data: bytes) -> Item:
    return Item(path, len(data), hashlib.sha256(data).hexdigest())


def _same(item: Item, node: Node, edition: Edition) -> bool:
    if node.bytes != item.bytes:
        return False
    if node.sha256 is not None:
        return node.sha256 == item.sha256
    # A small file that git keeps itself, and knows by its own hash.
    data = edition.texts.get(item.path) or (edition.folder / item.path).read_bytes()
    return node.oid == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
