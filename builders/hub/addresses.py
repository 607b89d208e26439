"""Names on the Hub: `ORG/nt`, `ORG/nt@v1.0.0`, and the tags of releases.

parse_address("ORG/nt@v1.0.0")  Address(repo="ORG/nt", revision="v1.0.0")
parse_tag("v1.0.0-rc.1")        Tag(name="v1.0.0-rc.1", version="1.0.0")
"""

import re
from pathlib import Path
from typing import NamedTuple

from builders.errors import BadOption

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9])?"
_REPO = re.compile(rf"{_PART}/{_PART}")
_COMMIT = re.compile("[0-9a-f]{40}")


class Address(NamedTuple):
    """A data set on the Hub; without a revision it is what `main` shows now."""

    repo: str
    revision: str | None

    def __str__(self) -> str:
        return self.repo if self.revision is None else f"{self.repo}@{self.revision}"

    @property
    def tag(self) -> str | None:
        """The revision, if it is the name of a release."""
        revision = self.revision
        return None if revision in (None, "main") or _COMMIT.fullmatch(revision) else revision


class Tag(NamedTuple):
    """The tag of a release, and the version that the `datasets` library can hold of it."""

    name: str
    version: str


def parse_tag(text: str) -> Tag:
    """A release's tag: `v` and a semantic version, without build metadata.

    Raises:
        BadOption: it is none.
    """
    import semver

    try:
        parsed = semver.Version.parse(text.removeprefix("v"))
    except ValueError:
        parsed = None
    if parsed is None or parsed.build or not text.startswith("v"):
        fix = f"write v{text}" if parsed and not parsed.build else "write it like v1.0.0"
        raise BadOption(f"--tag {text}: is no semantic version behind a v; {fix}")
    return Tag(text, str(parsed.finalize_version()))


def parse_repo(text: str) -> str:
    """The id of a data set, with its organisation.

    Raises:
        BadOption: it is none.
    """
    if "/" not in text:
        raise BadOption(f"'{text}': the organisation or user is missing; write ORG/{text or 'nt'}")
    if not _REPO.fullmatch(text) or "--" in text or ".." in text or text.endswith(".git"):
        raise BadOption(f"'{text}': is no name on the Hub; write it like ORG/nt")
    return text


def parse_address(text: str) -> Address:
    """`ORG/nt` or `ORG/nt@v1.0.0`.

    Raises:
        BadOption: it is neither.
    """
    repo, at, revision = text.partition("@")
    if at and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", revision):
        raise BadOption(f"'{text}': '{revision}' is no tag, branch or commit; like ORG/nt@v1.0.0")
    return Address(parse_repo(repo), revision or None)


def folder_or_address(text: str) -> Path | Address:
    """What a user names: a folder if there is one, else a data set on the Hub.

    Raises:
        BadOption: there is no such folder, and it is no name on the Hub.
    """
    if Path(text).is_dir():
        return Path(text)
    try:
        return parse_address(text)
    except BadOption as error:
        raise BadOption(f"'{text}': no such folder, and no ORG/NAME on the Hub") from error
