"""Open what a run needs: a config of a release, and the student without its weights."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from preflight import Stop

if TYPE_CHECKING:
    from datasets import Dataset


class Source(NamedTuple):
    """The rows of a config, and where they come from."""

    rows: Dataset
    name: str
    config: str
    revision: str | None  # the commit on the Hub that was read
    manifest: dict[str, Any] | None

    @property
    def entry(self) -> dict[str, Any]:
        """What the release's manifest says of the config; nothing, if it has none."""
        configs = (self.manifest or {}).get("configs", [])
        found: dict[str, Any] = next((c for c in configs if c["name"] == self.config), {})
        return found

    @property
    def fingerprint(self) -> str:
        """A hash of the files that were read."""
        files = self.entry.get("files")
        text = json.dumps(files) if files else f"{self.revision} {self.rows._fingerprint}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def open_release(name: str, config: str | None, revision: str | None) -> Source:
    """Load the rows of a config from a folder or from the Hub.

    Raises:
        Stop: there is no such release, config or revision.
    """
    from datasets import get_dataset_config_names, load_dataset
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub.errors import HfHubHTTPError

    local = Path(name).is_dir()
    if not local and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise Stop(
            f"there is no release {name!r}; make one: make demo, "
            f"or nt build --pool pool --out {name}"
        )
    options = {} if local else {"revision": revision}
    try:
        names = get_dataset_config_names(name, **options)
    except (DatasetNotFoundError, FileNotFoundError, ConnectionError, HfHubHTTPError) as error:
        raise Stop(f"the release {name!r} cannot be read: {_one_line(error)}") from error
    if config is None:
        raise Stop(
            f"no config is named; {name} has {', '.join(names)}: --dataset_config {names[0]}"
        )
    if config not in names:
        near = difflib.get_close_matches(config, names, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise Stop(f"{name} has no config {config!r}; it has {', '.join(names)}{hint}")
    rows = load_dataset(name, config, split="train", **options)
    commit = None if local else _commit_of(rows)
    if revision and commit:
        _check_revision(name, revision, commit)
    return Source(rows, name, config, commit, _manifest(name, commit, local))


def _commit_of(rows: Dataset) -> str | None:
    """The commit that the rows came from: datasets names the folder of its cache by it."""
    for file in rows.cache_files:
        if re.fullmatch("[0-9a-f]{40}", Path(file["filename"]).parent.name):
            return Path(file["filename"]).parent.name
    return None


def _check_revision(name: str, revision: str, commit: str) -> None:
    """Stop if the rows are of another revision: load_dataset may answer from its cache."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if re.fullmatch("[0-9a-f]{40}", revision):
        asked = revision
    else:
        try:
            asked = HfApi().dataset_info(name, revision=revision).sha or commit
        except (HfHubHTTPError, OfflineModeIsEnabled, ConnectionError) as error:
            raise Stop(
                f"whether the cached rows are {name}@{revision} cannot be seen offline; name the "
                f"commit: --dataset_revision {commit}"
            ) from error
    if asked != commit:
        raise Stop(f"asked for {name}@{revision}, which is {asked[:12]}, but read {commit[:12]}")


def _manifest(name: str, commit: str | None, local: bool) -> dict[str, Any] | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        path = (
            Path(name) / "manifest.json"
            if local
            else Path(hf_hub_download(name, "manifest.json", repo_type="dataset", revision=commit))
        )
        manifest: dict[str, Any] = json.loads(path.read_text())
    except (EntryNotFoundError, FileNotFoundError):
        return None
    return manifest


class Base(NamedTuple):
    """The student before training, without its weights."""

    name: str
    revision: str | None
    config: Any
    tokenizer: Any
    stops: tuple[int, ...]  # ids at which its generation config ends a reply


def open_student(model: Any, training: Any) -> Base:
    """Read a student's config and tokenizer.

    Raises:
        Stop: it cannot be read.
    """
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    name = model.model_name_or_path
    options = {"revision": model.model_revision, "trust_remote_code": training.trust_remote_code}
    try:
        config = AutoConfig.from_pretrained(name, **options)
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
    except (OSError, ValueError) as error:
        where = "" if Path(name).exists() else " (there is no folder of that name)"
        raise Stop(f"the student {name!r} cannot be read{where}: {_one_line(error)}") from error
    if path := training.chat_template_path:
        if not Path(path).is_file():
            raise Stop(f"--chat_template_path: there is no file {path}")
        tokenizer.chat_template = Path(path).read_text(encoding="utf-8")
        training.chat_template_path = (
            None  # the tokenizer has it; the trainer need not read it again
        )
    if training.eos_token is not None:
        if training.eos_token not in tokenizer.get_vocab():
            raise Stop(f"--eos_token: the tokenizer has no token {training.eos_token!r}")
        tokenizer.eos_token = training.eos_token
    try:
        stops = GenerationConfig.from_pretrained(name, revision=model.model_revision).eos_token_id
    except OSError:
        stops = None
    listed = stops if isinstance(stops, list) else [stops]
    commit = getattr(config, "_commit_hash", None)
    return Base(name, commit, config, tokenizer, tuple(id for id in listed if id is not None))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
