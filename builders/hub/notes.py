"""A card that is on the Hub already: what people wrote there is merged into the new one.

Theirs is the section between the two lines of `card.NOTES`, and every field of the metadata that we
do not write ourselves (a thumbnail, the terms of a gate). All else is the manifest's.
"""

from typing import Any

import yaml

from builders.card import NOTES
from builders.errors import BadRelease

# libyaml's, where PyYAML was built with it: a card of 20 configs takes 30 ms instead of 400.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def merge_card(ours: str, theirs: str | None, where: str) -> str:
    """Our card, with the notes and the foreign fields of the one that is there.

    Args:
        ours: as it was made from the manifest, perhaps with notes.
        theirs: what the Hub shows now; None if there is no card.
        where: of theirs, for messages.

    Raises:
        BadRelease: their notes cannot be told from the rest.
    """
    if theirs is None:
        return ours
    notes = notes_of(theirs, where)
    if notes.strip():
        ours = with_notes(ours, notes)
    foreign = {k: v for k, v in metadata_of(theirs).items() if k not in metadata_of(ours)}
    # What we write, but not this time, is ours too.
    foreign = {k: v for k, v in foreign.items() if k not in ("license_name", "dataset_info")}
    return with_metadata(ours, foreign)


def notes_of(card: str, where: str) -> str:
    """What stands between the two lines; nothing if the card has neither.

    Raises:
        BadRelease: one of them is gone, or doubled.
    """
    begins, ends = (card.count(line) for line in NOTES)
    if (begins, ends) == (0, 0):
        return ""
    start = card.find(NOTES[0]) + len(NOTES[0])
    end = card.find(NOTES[1])
    if (begins, ends) != (1, 1) or end < start:
        raise BadRelease(
            f"{where}: the two lines around your notes are broken, so that they cannot be kept; "
            f"put back '{NOTES[0]}' before and '{NOTES[1]}' behind them"
        )
    return card[start:end]


def with_notes(card: str, notes: str) -> str:
    """The card with these notes between its two lines."""
    head, _, rest = card.partition(NOTES[0])
    return f"{head}{NOTES[0]}{notes}{NOTES[1]}{rest.partition(NOTES[1])[2]}"


def without_additions(card: str, keys: set[str], where: str) -> str:
    """The card as a program wrote it: no notes, and only these fields of the metadata."""
    fields = {k: v for k, v in metadata_of(card).items() if k in keys}
    plain = with_notes(card, "\n") if notes_of(card, where) else card
    return "---\n" + _dumped(fields) + "---\n" + body_of(plain)


def metadata_of(card: str) -> dict[str, Any]:
    """The YAML at the top of a card; empty if it has none, or none that can be read."""
    parts = card.split("---\n", 2)
    if len(parts) < 3 or parts[0].strip():
        return {}
    try:
        fields = yaml.load(parts[1], _LOADER)
    except yaml.YAMLError:
        return {}
    return fields if isinstance(fields, dict) else {}


def body_of(card: str) -> str:
    """The Markdown of a card."""
    return card.split("---\n", 2)[2] if metadata_of(card) else card


def with_metadata(card: str, more: dict[str, Any]) -> str:
    """The card with more fields in its metadata."""
    if not more:
        return card
    _, fields, body = card.split("---\n", 2)
    return f"---\n{fields}{_dumped(more)}---\n{body}"


def _dumped(fields: dict[str, Any]) -> str:
    text: str = yaml.dump(fields, Dumper=_DUMPER, sort_keys=False, allow_unicode=True)
    return text
