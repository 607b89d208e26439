"""Publish a release or a pool: blobs first, then one commit of everything, then the tag.

Blobs that lie on the Hub without a commit are invisible. So `main` and the tags show the old
release or the new one, whole, wherever this stops; running it again sends what is missing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from builders.build import Progress, no_progress
from builders.errors import (
    BadOption,
    BadRelease,
    Conflict,
    HubError,
    NotOnHub,
    Refused,
    Unreachable,
)
from builders.hub.addresses import parse_repo, parse_tag
from builders.hub.contents import Item
from builders.hub.notes import merge_card
from builders.hub.plan import Plan, make_plan
from builders.hub.publishing import Edition, edition, same_contents
from builders.hub.remote import (
    Remote,
    State,
    connect,
    patiently,
    read_manifest,
    rest,
    translated,
)
from builders.hub.scanning import refuse_findings
from builders.hub.sending import check_card, send
from builders.hub.verify import verify_folder
from builders.pool import MANIFEST
from builders.release import CARD

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

_COMMIT_WAITS = (1.0, 2.0, 4.0)


class Pushed(NamedTuple):
    """What became of a push."""

    repo: str
    tag: str
    commit: str | None
    already: bool
    plan: Plan


def push(
    folder: Path | str,
    repo: str,
    *,
    tag: str,
    public: bool = False,
    dry_run: bool = False,
    message: str | None = None,
    language: Sequence[str] = ("en",),
    accept_license: bool = False,
    accept_findings: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
    show_plan: Callable[[Plan], None] = lambda plan: None,
    progress: Progress = no_progress,
) -> Pushed:
    """Publish a folder under a tag, whole or not at all.

    Args:
        folder: a release or a pool, which is not changed.
        repo: the data set, ORG/NAME; it is made if it is missing.
        tag: `v` and a semantic version.
        public: make it public if it is made; else it is private.
        dry_run: plan and scan, but send nothing.
        message: of the commit.
        language: of the rows, for the card.
        accept_license: publish although the licences of the sources cannot be met together.
        accept_findings: publish although the text holds what looks like secrets or addresses.
        endpoint: of the Hub; by default what huggingface_hub was told.
        token: by default the one that the user logged in with.
        show_plan: is called with the plan before anything is sent.
        progress: wraps what is iterated over, to show how far it is.

    Raises:
        BadOption, BadRelease, Found: nothing was sent.
        HubError: the Hub refused or failed; what it shows is whole, and running again goes on.
    """
    name, wanted = parse_repo(repo), parse_tag(tag)
    remote = connect(name, endpoint=endpoint, token=token)
    if not remote.api.token:
        raise Refused("there is no token; log in: hf auth login, or set HF_TOKEN")
    if message is not None and not message.strip():
        raise BadOption("--message: is empty")
    verify_folder(Path(folder), progress=progress).or_raise(str(folder))
    new = edition(Path(folder), name, wanted, language=language)
    if new.licensing.obstacles and not accept_license:
        raise BadRelease(
            f"{folder}: {'; '.join(new.licensing.obstacles)}; if you may publish these rows all "
            "the same: --accept-license"
        )

    _check_token(remote)
    state = remote.state()
    if wanted.name in state.tags:
        return _already(remote, state, new, wanted.name)
    new, plan = _planned(remote, state, new)
    show_plan(plan)
    if not accept_findings:
        refuse_findings(new, [item.path for item in plan.to_send], progress=progress)
    if dry_run:
        return Pushed(name, wanted.name, None, False, plan)

    check_card(remote, new.card)
    if not state.exists:
        _create(remote, public=public)
        state = remote.state()
        new, plan = _planned(remote, state, new)
    additions = send(remote, new, plan, progress)
    commit = _commit(remote, state, new, plan, additions, message or f"Release {wanted.name}")
    _tag(remote, wanted.name, commit, new)
    _look(remote, wanted.name, commit, new)
    return Pushed(name, wanted.name, commit, False, plan)


def _check_token(remote: Remote) -> None:
    who = patiently("asking whose token this is", remote.api.whoami)
    role = who.get("auth", {}).get("accessToken", {}).get("role")
    if role == "read":
        raise Refused("the token may only read; make one that may write, and log in again")


def _planned(remote: Remote, state: State, new: Edition) -> tuple[Edition, Plan]:
    """The edition with what people wrote on the Hub merged into its card, and what it changes."""
    if state.head is None:
        return new, make_plan(new, {}, None, remote.repo)
    there = remote.files(state.head)
    before = remote.text(MANIFEST, state.head) if MANIFEST in there else None
    card = remote.text(CARD, state.head) if CARD in there else None
    plan = make_plan(new, there, before, remote.repo)  # refuses what is not ours
    merged = new._replace(card=merge_card(new.card, card, f"{remote.repo}/{CARD}"))
    if merged.card != new.card:
        plan = make_plan(merged, there, before, remote.repo)
    return merged, plan


def _already(remote: Remote, state: State, new: Edition, tag: str) -> Pushed:
    """The tag is there: done if it is this release, else refused."""
    commit = state.tags[tag]
    if not _is_this(remote, commit, new):
        raise BadRelease(
            f"{remote.repo}@{tag}: is published already, with other contents; a release is never "
            "changed: push under a new tag"
        )
    items = [*new.items, *(Item(name, len(data), "") for name, data in new.texts.items())]
    return Pushed(remote.repo, tag, commit, True, Plan([], [], items, [], []))


def _is_this(remote: Remote, commit: str, new: Edition) -> bool:
    """Whether the manifest at a commit is that of the edition."""
    try:
        theirs = read_manifest(remote, commit)
    except BadRelease:
        return False
    return same_contents(theirs, new.manifest)


def _create(remote: Remote, *, public: bool) -> None:
    try:
        patiently(
            f"creating {remote.repo}",
            lambda: remote.api.create_repo(
                remote.repo, repo_type="dataset", private=not public, exist_ok=True
            ),
        )
    except Conflict:  # made a moment ago, by an attempt whose answer was lost or by somebody else
        return


def _commit(
    remote: Remote,
    state: State,
    new: Edition,
    plan: Plan,
    additions: list["CommitOperationAdd"],
    message: str,
) -> str:
    """One commit on the head that was read; whatever the answer is, look what really happened."""
    from huggingface_hub import CommitOperationDelete

    if plan.is_empty and state.head:
        return state.head
    deletions = [CommitOperationDelete(item.path, is_folder=False) for item in plan.deleted]
    for wait in (*_COMMIT_WAITS, None):
        try:
            with translated("committing"):
                return remote.api.create_commit(
                    remote.repo,
                    [*additions, *deletions],
                    commit_message=message,
                    repo_type="dataset",
                    parent_commit=state.head,
                ).oid
        except ValueError as error:  # what the Hub says of a card that it does not take
            raise HubError(f"committing: {error}") from error
        except (Unreachable, Conflict) as error:
            now = remote.state()
            if now.head and now.head != state.head:
                if _planned(remote, now, new)[1].is_empty:
                    return now.head  # it landed, and only the answer was lost
                raise Conflict(
                    f"{remote.repo}: somebody else changed it meanwhile, and it was left as it is; "
                    "look at it, then push again"
                ) from error
            if wait is None or isinstance(error, Conflict):
                raise
            rest(error, wait)
    raise AssertionError  # the last attempt returned or raised


def _tag(remote: Remote, tag: str, commit: str, new: Edition) -> None:
    """Tag the commit; a tag that is there already must be for it, or for the same release."""
    for wait in (*_COMMIT_WAITS, None):
        try:
            with translated(f"tagging {tag}"):
                remote.api.create_tag(
                    remote.repo, tag=tag, revision=commit, repo_type="dataset", exist_ok=False
                )
            return
        except (Unreachable, Conflict) as error:
            at = remote.state().tags.get(tag)
            if at == commit or (at and _is_this(remote, at, new)):
                return
            if at:
                raise Conflict(
                    f"{remote.repo}@{tag}: somebody else has published other contents under it "
                    "meanwhile; push under a new tag"
                ) from error
            if wait is None or isinstance(error, Conflict):
                raise
            rest(error, wait)


def _look(remote: Remote, tag: str, commit: str, new: Edition) -> None:
    """Look whether the Hub shows what was published."""
    at = remote.state().tags.get(tag)
    if at is None:
        raise NotOnHub(f"{remote.repo}@{tag}: was set, but the Hub does not show it; push again")
    plan = make_plan(new, remote.files(at), remote.text(MANIFEST, at), remote.repo)
    wrong = [item.path for item in (*plan.to_send, *plan.deleted) if item.path != CARD]
    if wrong:
        raise HubError(f"{remote.repo}@{tag}: is not what was sent: {', '.join(wrong[:5])}")
