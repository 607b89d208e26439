"""Rows of a data set on the Hub, streamed at the commit that its revision resolves to."""

from collections.abc import Iterator
from typing import NamedTuple

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
    license = info.card_data.get("license") if info.card_data else None
    total = stream.info.splits[split].num_examples if stream.info.splits else None
    return HubRows(str(info.sha), license, total or None, enumerate(stream, start=1))
