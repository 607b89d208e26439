"""A card against the manifest that it was made from: the metadata, and every line of the text."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

import builders
from builders.card import render_pool_card, render_release_card
from builders.errors import BadPool, BadRelease
from builders.hub.notes import body_of, metadata_of, without_additions
from builders.pool import open_pool
from builders.release import CARD


def compare_card(folder: Path, manifest: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Every number of the card: it must be the one that the manifest makes.

    The words are those of the version that wrote it; with another version, the metadata alone is
    compared, from which `load_dataset` reads.
    """
    path = folder / CARD
    if not path.is_file():
        return [f"{CARD}: is missing"], []
    text = path.read_text(encoding="utf-8", errors="replace")
    render: Callable[[], str] = (
        (lambda: render_release_card(manifest))
        if manifest["kind"] == "release"
        else (lambda: render_pool_card(open_pool(folder)))
    )
    try:
        wanted = render()
    except (KeyError, TypeError, BadPool, pa.ArrowException) as error:
        return [f"manifest.json: no card can be made from it: {error!r}"], []
    ours, here = metadata_of(wanted), metadata_of(text)
    written_by = manifest.get("naturalthoughts", builders.__version__)
    other_version = written_by != builders.__version__
    remarks = [f"{CARD}: made by naturalthoughts {written_by}, so its words were not compared"]
    if other_version and _sha256(text) == manifest.get("card", {}).get("sha256"):
        return [], remarks
    keys = ("configs", "dataset_info") if other_version else tuple(ours)
    problems = [
        f"{CARD}: '{key}' is not what the manifest says"
        for key in keys
        if here.get(key) != ours.get(key)
    ]
    if other_version:
        return problems, remarks
    try:
        plain = without_additions(text, set(ours), CARD)
    except BadRelease as error:
        return [*problems, str(error)], []
    for number, (one, other) in enumerate(
        zip(body_of(plain).splitlines(), body_of(wanted).splitlines(), strict=False), start=1
    ):
        if one != other:
            line = len(text.split("---\n", 2)[1].splitlines()) + 2 + number
            return [*problems, f"{CARD}, about line {line}: is not what the manifest says"], []
    if len(body_of(plain).splitlines()) != len(body_of(wanted).splitlines()):
        problems.append(f"{CARD}: is longer or shorter than what the manifest says")
    return problems, []


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
