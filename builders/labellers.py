"""Whose labels an annotation of a pool has, as far as the pool's manifest says.

Judges are entered with the number of rows that have their labels (`judging`), and second judges
with how far they agree (`label_quality`). Labels without a judge were brought along.
"""

from typing import Any

JUDGES = "judges"
QUALITY = "label_quality"
"""The keys of the manifest under which the entries stand."""


def judges_of(manifest: dict[str, Any], name: str) -> list[str]:
    """The judges that have labelled, by name."""
    return sorted({one["judge"] for one in manifest.get(JUDGES, []) if one["annotation"] == name})


def labels_were_replaced(manifest: dict[str, Any], name: str, *, left: int) -> None:
    """Take from the manifest what no longer holds: judges without labels, and old agreement.

    Args:
        manifest: the pool's; it is changed.
        name: of the annotation.
        left: how many rows may still have their old labels. Nobody keeps whose each one is, so
            this is the most that any judge has.
    """
    mine = [one for one in manifest.get(JUDGES, []) if one["annotation"] == name]
    for one in mine:
        one["by_this_judge"] = min(one["by_this_judge"], left)
    gone = [one for one in mine if not one["by_this_judge"]]
    gone += [
        one
        for one in manifest.get(QUALITY, [])
        if one["annotation"] == name and one["against"] == "second judge"
    ]
    for key in {JUDGES, QUALITY} & manifest.keys():
        manifest[key] = [one for one in manifest[key] if one not in gone]
