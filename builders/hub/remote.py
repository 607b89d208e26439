"""One data set on the Hub: what it shows, and calls that are patient with a server that fails.

Every transfer is made by huggingface_hub; here its errors become ours, none of which holds a token.
Whatever fails for a moment (429, 5xx, a connection that breaks) is tried again for some seconds.
"""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

from builders.errors import BadRelease, Conflict, HubError, NotOnHub, Refused, Unreachable
from builders.hub.addresses import Address
from builders.hub.contents import parse_manifest
from builders.pool import MANIFEST

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

T = TypeVar("T")

_WAITS = (1.0, 2.0, 4.0)
"""Seconds between attempts, unless the server asks for others."""

_LONGEST_WAIT = 60.0
_PASSING = (408, 429, 500, 502, 503, 504)


class Node(NamedTuple):
    """A file as the Hub lists it; sha256 is None for small text, which git keeps itself."""

    path: str
    bytes: int
    oid: str
    sha256: str | None


class State(NamedTuple):
    """What the Hub shows of a data set: the commit of `main`, and the tags."""

    exists: bool
    head: str | None
    tags: dict[str, str]


class Remote(NamedTuple):
    """A data set at one endpoint, seen with one token."""

    repo: str
    api: "HfApi"

    def state(self) -> State:
        """The head of `main` and all tags, read at once."""
        try:
            refs = patiently(
                "reading tags", lambda: self.api.list_repo_refs(self.repo, repo_type="dataset")
            )
        except NotOnHub:
            return State(False, None, {})
        heads = {branch.name: branch.target_commit for branch in refs.branches}
        return State(True, heads.get("main"), {tag.name: tag.target_commit for tag in refs.tags})

    def files(self, commit: str) -> dict[str, Node]:
        """All files at a commit, by their paths."""

        def read() -> dict[str, Node]:
            from huggingface_hub.hf_api import RepoFile

            nodes = self.api.list_repo_tree(
                self.repo, recursive=True, revision=commit, repo_type="dataset"
            )
            return {
                node.path: Node(
                    node.path, node.size, node.blob_id, node.lfs.sha256 if node.lfs else None
                )
                for node in nodes
                if isinstance(node, RepoFile)
            }

        return patiently("listing files", read)

    def text(self, path: str, commit: str) -> str | None:
        """A small file at a commit; None if there is none."""
        with tempfile.TemporaryDirectory(prefix="nt-") as folder:
            try:
                return self.fetch(path, commit, Path(folder)).read_text(encoding="utf-8")
            except NotOnHub:
                return None
            except ValueError as error:
                raise HubError(f"{self.repo}: {path} is not UTF-8 text") from error

    def fetch(self, path: str, commit: str, folder: Path) -> Path:
        """Download a file into a folder, going on where an earlier attempt broke off."""
        return Path(
            patiently(
                f"downloading {path}",
                lambda: self.api.hf_hub_download(
                    self.repo, path, repo_type="dataset", revision=commit, local_dir=folder
                ),
            )
        )

    def opened(self, path: str, commit: str) -> IO[bytes]:
        """A file at a commit, of which only what is read is fetched."""
        from huggingface_hub import HfFileSystem

        files = HfFileSystem(endpoint=self.api.endpoint, token=self.api.token)
        address = f"datasets/{self.repo}@{commit}/{path}"
        opened: IO[bytes] = patiently(f"reading {path}", lambda: files.open(address, "rb"))
        return opened

    def snapshot(self, commit: str) -> Path:
        """All files at a commit, in huggingface_hub's cache."""
        return Path(
            patiently(
                "downloading",
                lambda: self.api.snapshot_download(
                    self.repo, repo_type="dataset", revision=commit, max_workers=4
                ),
            )
        )


def connect(repo: str, *, endpoint: str | None = None, token: str | None = None) -> Remote:
    """A data set on the Hub, not yet asked for anything.

    Args:
        repo: its id, with the organisation.
        endpoint: of the Hub; by default what huggingface_hub was told.
        token: by default the one that the user logged in with. It is sent to the endpoint only.

    Raises:
        Refused: the token cannot be one.
    """
    import huggingface_hub
    from huggingface_hub.utils import disable_progress_bars

    # What the library logs and draws, we say ourselves, in one line.
    huggingface_hub.utils.logging.set_verbosity(huggingface_hub.utils.logging.CRITICAL)
    disable_progress_bars()
    token = token or huggingface_hub.get_token()
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise Refused("the token holds characters that no token has; log in again: hf auth login")
    return Remote(repo, huggingface_hub.HfApi(endpoint=endpoint, token=token or False))


def resolve(remote: Remote, wanted: Address) -> str:
    """The commit that a revision is; `main` if none is named.

    Raises:
        NotOnHub: there is none.
    """
    state = remote.state()
    if not state.exists:
        raise NotOnHub(f"{wanted.repo}: not on the Hub, or not for this token")
    revision = wanted.revision or "main"
    commit = state.head if revision == "main" else state.tags.get(revision)
    if commit is None and len(revision) == 40:
        commit = revision
    if commit is None:
        known = ", ".join(state.tags) or "none yet"
        raise NotOnHub(f"{wanted.repo}: has no release {revision}; there are: {known}")
    return commit


def read_manifest(remote: Remote, commit: str) -> dict[str, Any]:
    """The manifest at a commit.

    Raises:
        BadRelease: it is no release of ours.
    """
    text = remote.text(MANIFEST, commit)
    if text is None:
        raise BadRelease(f"{remote.repo}: has no {MANIFEST}, so it is no release of ours")
    return parse_manifest(text, f"{remote.repo}/{MANIFEST}")


def default_endpoint() -> str:
    """The Hub that huggingface_hub was told to use."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def patiently(doing: str, call: Callable[[], T]) -> T:
    """Call, and call again while the server fails for a moment."""
    for wait in _WAITS:
        try:
            with translated(doing):
                return call()
        except Unreachable as error:
            rest(error, wait)
    with translated(doing):
        return call()


def rest(error: Unreachable, wait: float) -> None:
    """Wait before the next attempt, as long as the server asks for.

    Raises:
        Unreachable: the error itself, if there is no use in waiting.
    """
    if isinstance(error.__cause__, ConnectionError):  # told to stay offline
        raise error
    time.sleep(min(wait if error.wait is None else error.wait, _LONGEST_WAIT))


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what huggingface_hub and what it is built on raise into errors of ours."""
    import httpx
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        XetDownloadError,
    )

    try:
        yield
    except OfflineModeIsEnabled as error:
        raise Unreachable(f"{doing}: HF_HUB_OFFLINE is set") from error
    except HfHubHTTPError as error:
        raise _of_answer(doing, error) from error
    except httpx.HTTPError as error:
        raise Unreachable(f"{doing}: the Hub cannot be reached ({type(error).__name__})") from error
    except ConnectionError as error:  # of hf_xet
        raise Unreachable(
            f"{doing}: the Hub cannot be reached by Xet; if it does not speak that, set "
            "HF_HUB_DISABLE_XET=1"
        ) from error
    except json.JSONDecodeError as error:
        raise Unreachable(f"{doing}: the Hub answered with what is no JSON") from error
    except (LocalEntryNotFoundError, RuntimeError, XetDownloadError) as error:
        # Downloads and uploads wrap what really happened.
        if isinstance(error.__cause__, HfHubHTTPError):
            raise _of_answer(doing, error.__cause__) from error
        if isinstance(error.__cause__, OfflineModeIsEnabled):
            raise Unreachable(f"{doing}: HF_HUB_OFFLINE is set") from error.__cause__
        reason = type(error.__cause__ or error).__name__
        raise Unreachable(f"{doing}: the Hub cannot be reached ({reason})") from error


def _of_answer(doing: str, error: "HfHubHTTPError") -> HubError:
    from huggingface_hub.errors import RepositoryNotFoundError

    status = error.response.status_code
    said = " ".join((error.server_message or "").split())[:200]
    if status in _PASSING:
        asked = error.response.headers.get("Retry-After", "")
        wait = float(asked) if asked.isdigit() else None
        return Unreachable(f"{doing}: the Hub answered {status}, again and again", wait)
    if status == 404 or isinstance(error, RepositoryNotFoundError):
        return NotOnHub(f"{doing}: not on the Hub, or not for this token: {said or status}")
    if status == 401:
        return Refused(f"{doing}: the token is not accepted; log in again: hf auth login")
    if status == 403:
        return Refused(f"{doing}: the token may not do this: {said or 'forbidden'}")
    if status in (409, 412):
        return Conflict(f"{doing}: somebody else was faster: {said or status}")
    return HubError(f"{doing}: the Hub answered {status}: {said}")
