"""The trained student's card: everything it says was recorded during the run."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opening import Base, Source
from preflight import Stop

TEMPLATE = Path(__file__).parent / "model_card.md.jinja"
PACKAGES = ("torch", "transformers", "trl", "accelerate", "datasets", "tokenizers", "peft")
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
SHOWN_LOSSES = 20
KEPT_HERE = {"training_args.bin", "preflight.html"}
"""Files that are not pushed: a pickle, and examples of the data."""


def plain(text: object) -> str:
    """Text of others on one line, in which no Markdown and no HTML acts."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return re.sub(r"([\\`*_\[\]<>|#&])", r"\\\1", line)


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """What is installed of what matters."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware(processes: int) -> str:
    """The devices of the run, in words."""
    import torch

    if torch.cuda.is_available():
        return f"{processes} x {torch.cuda.get_device_name()}"
    return f"{processes} process{'es' if processes > 1 else ''} on CPU ({platform.machine()})"


def base_licence(base: Base) -> str | None:
    """The licence that the base student's own card names; None if it cannot be read here."""
    from huggingface_hub import ModelCard, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError
    from huggingface_hub.errors import LocalEntryNotFoundError as Offline

    path = Path(base.name) / "README.md"
    if not Path(base.name).is_dir():
        try:
            path = Path(hf_hub_download(base.name, "README.md", revision=base.revision))
        except (EntryNotFoundError, HfHubHTTPError, HFValidationError, Offline):
            return None
    if not path.is_file():
        return None
    licence: str | None = ModelCard.load(path).data.get("license")
    return licence


def data_licences(source: Source) -> list[str]:
    """The licences of the rows, by the release's manifest, or by the rows themselves."""
    if "license" not in source.rows.column_names:
        return []
    return sorted({plain(name) for name in source.rows.unique("license") if name})


def command(words: list[str], source: Source) -> str:
    """One command that trains this student again, on the revision that was read."""
    if source.revision:
        if "--dataset_revision" in words:
            place = words.index("--dataset_revision")
            words = words[:place] + words[place + 2 :]
        words = [*words, "--dataset_revision", source.revision]
    return shlex.join(["accelerate", "launch", "recipes/sft.py", *words])


def losses(history: list[dict[str, Any]]) -> list[tuple[int, int, float]]:
    """Step, tokens seen, loss."""
    return [
        (line["step"], int(line["num_tokens"]), line["loss"]) for line in history if "loss" in line
    ]


def draw_losses(curve: list[tuple[int, int, float]], path: Path) -> bool:
    """Draw the loss curve, if matplotlib is here."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(7, 3.5), layout="constrained", facecolor="white")
    axes = figure.add_subplot(xlabel="tokens seen", ylabel="loss of the trained tokens")
    axes.plot([tokens for _, tokens, _ in curve], [loss for *_, loss in curve], color="#1f6f4a")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    return True


def write_card(
    folder: Path, *, source: Source, base: Base, record: dict[str, Any], words: list[str]
) -> None:  # fmt: skip
    """Write README.md and the picture of the losses beside the weights."""
    import jinja2

    recipe = Path(words[words.index("--config") + 1]) if "--config" in words else None
    curve = losses(record["history"])
    picture = bool(curve) and draw_losses(curve, folder / "loss.png")
    few = curve[:: max(1, len(curve) // SHOWN_LOSSES)]
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters["plain"] = plain
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    manifest = source.manifest or {}
    text = template.render(
        name=folder.name,
        on_hub=bool(HUB_ID.fullmatch(base.name)) and not Path(base.name).is_dir(),
        source=source,
        base=base,
        record=record,
        synthetic=bool(manifest.get("pool", {}).get("synthetic")),
        base_licence=base_licence(base),
        data_licences=data_licences(source),
        recipe=recipe.read_text(encoding="utf-8").rstrip() if recipe else None,
        command=command(words, source),
        curve=few if not curve or few[-1] == curve[-1] else [*few, curve[-1]],
        picture=picture,
        python=sys.version.split()[0],
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def push(folder: Path, repo: str, *, private: bool | None) -> str:
    """Push what lies in a folder to the Hub, as one commit; checkpoints stay here.

    Raises:
        Stop: the Hub did not take it. The student is still here, and may be pushed later.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    files = [path for path in files if path.name not in KEPT_HERE]
    try:
        api = HfApi()
        repo = api.create_repo(repo, private=private, exist_ok=True).repo_id
        commit = api.create_commit(
            repo,
            [CommitOperationAdd(path.name, path) for path in files],
            commit_message="Student, card and record of its training",
        )
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError) as error:
        told = " ".join(str(error).split())[:300]
        raise Stop(
            f"the student is in {folder}, but was not pushed: {told}. The same command tries again"
        ) from error
    return str(commit.commit_url)
