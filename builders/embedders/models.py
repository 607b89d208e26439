"""Embedders that are models run here: by sentence-transformers, or hidden states of a causal LM.

A folder or a Hub repository with a `modules.json` is sentence-transformers'; any other is taken for
a causal LM, as in the paper. The weights are loaded when the first vector is asked for.
"""

from pathlib import Path
from typing import NamedTuple

import xxhash

from builders.embedders import Embedder
from builders.embedders.hidden import hidden_states
from builders.embedders.sentences import sentences
from builders.errors import BadOption

_MODULES = "modules.json"


class Model(NamedTuple):
    """A model: where it is loaded from, its name for others to read, and its revision.

    The name of a local folder is given without what lies above it, since names are published; its
    revision is a hash of its files. That of a model on the Hub is a commit.
    """

    source: str
    name: str
    revision: str
    of_sentences: bool

    @property
    def commit(self) -> str | None:
        """What the Hub is asked for; None for a folder."""
        return None if Path(self.source).is_dir() else self.revision


def open_model(name: str, *, revision: str | None, max_tokens: int) -> Embedder:
    """The embedder of a model, by folder or Hub id.

    Raises:
        BadOption: there is no such model, or a package is not installed.
    """
    model = _local(Path(name)) if Path(name).is_dir() else _on_hub(name, revision)
    if model.of_sentences:
        return sentences(model.source, model.name, model.revision, commit=model.commit)
    return hidden_states(
        model.source, model.name, model.revision, commit=model.commit, max_tokens=max_tokens
    )


def _local(folder: Path) -> Model:
    if not any((folder / file).is_file() for file in (_MODULES, "config.json")):
        raise BadOption(f"--embedder {folder}: a folder without {_MODULES} and config.json")
    digest = xxhash.xxh3_128()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as file:
            while piece := file.read(1 << 22):
                digest.update(piece)
    of_sentences = (folder / _MODULES).is_file()
    return Model(str(folder), folder.resolve().name, f"files-{digest.hexdigest()}", of_sentences)


def _on_hub(name: str, revision: str | None) -> Model:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    try:
        # The Hub's cache keeps a file under snapshots/<commit>/, which is what was resolved.
        commit = Path(hf_hub_download(name, "config.json", revision=revision)).parent.name
        try:
            hf_hub_download(name, _MODULES, revision=commit)
            of_sentences = True
        except EntryNotFoundError:
            of_sentences = False
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadOption(
            f"--embedder {name}: neither 'lsa', nor 'endpoint', nor the folder of a model, nor to "
            f"be had from the Hub ({reason})"
        ) from error
    return Model(name, name, commit, of_sentences)
