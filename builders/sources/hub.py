"""Rows of a data set on the Hub, streamed at the commit that its revision resolves to."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from builders.errors import BadSource, CutOff
from builders.sources import Position
from builders.sources.files import Row


class HubRows:
    """A split on the Hub: the resolved commit, the licence that its card states, and its rows.

    Iterate once. `position` and `after` are those of `sources.Resume`: a place is what datasets
    calls the state of a stream. Files that lie whole before it are not read again; of the file in
    which it lies the rows before it are read, and passed over.
    """

    def __init__(self, repo: str, commit: str, license: str | None, stream: Any) -> None:
        self.commit, self.license = commit, license
        splits = stream.info.splits
        self.total: int | None = splits[str(stream.split)].num_examples or None if splits else None
        self._repo, self._stream = repo, stream
        self._number = 0

    def __iter__(self) -> Iterator[Row]:
        """The rows with their numbers.

        Raises:
            CutOff: the connection ended.
            BadSource: whatever else breaks on the way.
        """
        import datasets
        import httpx

        try:
            for row in self._stream:
                self._number += 1
                yield self._number, row
        except (httpx.HTTPError, ConnectionError, TimeoutError) as error:
            raise CutOff(
                f"{self._repo}, after row {self._number}: the connection ended: {error}"
            ) from error
        except (
            pa.ArrowException,
            datasets.exceptions.DatasetsError,
            OSError,
            ValueError,
            RecursionError,
        ) as error:
            raise BadSource(
                f"{self._repo}, after row {self._number}: cannot be read: {error}"
            ) from error

    def position(self, rows: int) -> Position | None:
        """The place behind so many rows, if that is where the stream stands."""
        if rows != self._number:
            return None
        return {"rows": rows, "state": self._stream.state_dict()}

    def after(self, position: Position) -> Iterator[Row]:
        """The rows behind a place."""
        self._stream.load_state_dict(position["state"])
        self._number = position["rows"]
        return iter(self)


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
    return HubRows(repo, str(info.sha), license, stream)
