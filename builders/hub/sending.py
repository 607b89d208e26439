"""Sending the files of an edition: the Hub keeps them unseen until a commit names them."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from builders.build import Progress
from builders.errors import BadRelease
from builders.hub.plan import Plan
from builders.hub.publishing import Edition
from builders.hub.remote import Remote, patiently, translated
from builders.release import CARD

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

_AT_ONCE = 4
"""Files that are sent at the same time by LFS. Xet sends parts of one file at once, and finds what
files have in common only in those that arrived before."""


def send(
    remote: Remote, new: Edition, plan: Plan, progress: Progress
) -> list["CommitOperationAdd"]:
    """Send what is not on the Hub yet; returns the operations of the commit.

    Each file is sent by itself: the Hub keeps those that arrived, so that another attempt sends
    only the others. Two files of the same content are sent once.
    """
    from huggingface_hub import CommitOperationAdd, constants

    operations = {}
    for item in plan.to_send:
        source: Any = new.texts.get(item.path) or str(new.folder / item.path)
        operations[item.path] = CommitOperationAdd(item.path, source)
        operations[item.path].upload_info.sha256 = bytes.fromhex(item.sha256)  # hashed already
    first_of = {item.sha256: item.path for item in reversed(plan.to_send)}
    firsts = [operations[path] for path in first_of.values()]
    copies = [o for path, o in operations.items() if path not in first_of.values()]

    def upload(operation: "CommitOperationAdd") -> None:
        with translated(f"sending {operation.path_in_repo}"):
            remote.api.preupload_lfs_files(
                remote.repo, [operation], repo_type="dataset", num_threads=1, free_memory=False
            )

    with ThreadPoolExecutor(_AT_ONCE if constants.HF_HUB_DISABLE_XET else 1) as threads:
        try:
            for some in (firsts, copies):
                for _ in progress(threads.map(upload, some), "sending"):
                    pass
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise
    if ignored := [path for path, o in operations.items() if o._should_ignore]:
        raise BadRelease(f"{remote.repo}: its .gitignore keeps out {ignored[0]}; mend it there")
    return list(operations.values())


def check_card(remote: Remote, card: str) -> None:
    """Let the Hub judge the card's metadata before anything is sent."""
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    def ask() -> list[str]:
        answer = get_session().post(
            f"{remote.api.endpoint}/api/validate-yaml",
            json={"content": card, "repoType": "dataset"},
            headers=build_hf_headers(token=remote.api.token),
        )
        if answer.status_code != 400:
            hf_raise_for_status(answer)
            return []
        return [str(error["message"]) for error in answer.json().get("errors", [])] or ["no reason"]

    if errors := patiently("checking the card", ask):
        raise BadRelease(f"{CARD}: the Hub does not take its metadata: {'; '.join(errors)}")
