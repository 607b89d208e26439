"""Rows of a data set on the Hub, streamed at the commit that its revision resolves to."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from builders.errors import BadSource
from builders.sources.files import Row


class HubRows(NamedTuple):
    """A split on the Hub: the resolved commit, the licence that its card states, and its rows."""

    commit: str
    license: str | None
    total: int | None
    rows: Iterator[Row]


def open_hub(repo: str, *, subset: str | None, split: str, revision: str | None) -> HubRows:
    """Stream one split of a data set; no code of the repository is ever run.

    Raises:
        BadSource: the data set cannot be reached, or has no such subset or split.
    """
    import datasets
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # what it logs, we raise
    try:
        info = HfApi().dataset_info(repo, revision=revision)
        stream = datasets.load_dataset(repo, subset, split=split, revision=info.sha, streaming=True)
    except OfflineModeIsEnabled as error:
        raise BadSource(f"{repo}: HF_HUB_OFFLINE is set, and there is no such file") from error
    except (HfHubHTTPError, httpx.TransportError, OSError, ValueError) as error:
        # datasets raises ValueError for an unknown subset or split, and lists those that exist.
        reason = " ".join(str(error).split())
        raise BadSource(
            f"{repo}: no such file, and not to be had from the Hub: {reason}"
        ) from error
    stated = info.card_data.get("license") if info.card_data else None
    license = ", ".join(stated) if isinstance(stated, list) else stated
    total = stream.info.splits[split].num_examples if stream.info.splits else None
    return HubRows(str(info.sha), license, total or None, _numbered(repo, stream))


def _numbered(repo: str, stream: Iterable[Any]) -> Iterator[Row]:
    """The rows with their numbers; whatever breaks on the way is the source's fault."""
    import datasets
    import httpx

    number = 0
    try:
        for number, row in enumerate(stream, start=1):
            yield number, row
    except (
        httpx.HTTPError,
        pa.ArrowException,
        datasets.exceptions.DatasetsError,
        OSError,
        ValueError,
    ) as error:
        raise BadSource(f"{repo}, after row {number}: cannot be read: {error}") from error
