"""The three ways of asking, and where their words come from.

    think      "What is 7 + 5?\\n\\nThink carefully before you answer."
    adaptive   "What is 7 + 5?"                     the student decides
    no_think   "What is 7 + 5?\\n\\nAnswer directly, without thinking first."

The words are stored with the training data, in the manifest of its release, and by `sft.py` with
the student. A student that says nothing of its data is asked in the words below.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from preflight import Stop
from results import MODES

DEFAULT: dict[str, Any] = {
    "version": 1,
    "placement": "behind the question in the user's message, after an empty line",
    "think": "Think carefully before you answer.",
    "no_think": "Answer directly, without thinking first.",
    "adaptive": None,
}
"""The words of a release, for students of other data; a test compares them."""


class Instructions(NamedTuple):
    """What is put behind a question in each mode, and who says so."""

    texts: dict[str, str | None]
    version: int
    source: str
    trained_on: dict[str, Any] | None


def find_instructions(model: str, named: str | None) -> Instructions:
    """The instructions that are named; else the student's own, its data's, or the default ones.

    Raises:
        Stop: what is named has none.
    """
    trained_on = None
    record = _record(model)
    settings = record.get("settings") or {}
    if "data" in settings:
        kept = ("data", "data_config", "data_fingerprint")
        trained_on = {name: settings.get(name) for name in kept}
    if named is not None:
        path = Path(named)
        manifest = _json(path / "manifest.json" if path.is_dir() else path)
        if manifest is None and re.fullmatch(r"[\w.-]+/[\w.-]+", named):
            manifest = _hub_manifest(named)
        told = (manifest or {}).get("instructions", manifest)
        if not told:
            raise Stop(
                f"--instructions {named}: no manifest.json of a release, and no file of "
                f"{{{', '.join(MODES)}}}"
            )
        return _instructions(told, named, trained_on)
    if record.get("instructions"):
        return _instructions(record["instructions"], f"{model}/run.json", trained_on)
    if trained_on:
        manifest = _json(Path(str(trained_on["data"])) / "manifest.json")
        if manifest and manifest.get("instructions"):
            return _instructions(manifest["instructions"], str(trained_on["data"]), trained_on)
    return _instructions(DEFAULT, "the default of this version", trained_on)


def ask(text: str, mode: str, texts: dict[str, str | None]) -> str:
    """The user's message: the question, and behind it the instruction of the mode."""
    instruction = texts[mode]
    return text if instruction is None else f"{text}\n\n{instruction}"


def _instructions(
    told: dict[str, Any], source: str, trained_on: dict[str, Any] | None
) -> Instructions:
    missing = [mode for mode in MODES if mode not in told]
    if missing:
        raise Stop(f"the instructions of {source} lack {', '.join(missing)}")
    if told.get("placement", DEFAULT["placement"]) != DEFAULT["placement"]:
        raise Stop(
            f"the instructions of {source} go {told['placement']!r}; known is "
            f"{DEFAULT['placement']!r}"
        )
    texts = {mode: told[mode] for mode in MODES}
    return Instructions(texts, int(told.get("version", 0)), source, trained_on)


def _record(model: str) -> dict[str, Any]:
    """What `sft.py` wrote beside the weights; nothing, for other students."""
    if Path(model).is_dir() or not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        return _json(Path(model) / "run.json") or {}
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, OfflineModeIsEnabled

    try:
        return _json(Path(hf_hub_download(model, "run.json"))) or {}
    except (EntryNotFoundError, HfHubHTTPError, OfflineModeIsEnabled, OSError):
        return {}


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Stop(f"{path} is not JSON: {error}") from error
    return found if isinstance(found, dict) else None


def _hub_manifest(name: str) -> dict[str, Any] | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        path = hf_hub_download(name, "manifest.json", repo_type="dataset")
    except (HfHubHTTPError, LocalEntryNotFoundError, ConnectionError) as error:
        told = " ".join(str(error).split())[:200]
        raise Stop(f"--instructions {name}: cannot be read: {told}") from error
    return _json(Path(path))
