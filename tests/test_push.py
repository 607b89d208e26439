"""Publishing: what is sent, in which order, and what is refused before anything is."""

import json
import shutil
from pathlib import Path

import pytest
from hub_protocol import EXPIRED, READER, STRANGER, Fault
from hub_world import World, files_of, whole

from builders.build import build
from builders.card import NOTES
from builders.pool import Pool

Releases = tuple[Path, Path]
PUSH = ("--tag", "v1.0.0", "--accept-findings")


def writes(world: World) -> list[str]:
    return [
        seen.route
        for seen in world.hub.seen
        if seen.method in ("POST", "PUT") and seen.route != "validate"
    ]


def test_a_release_is_one_commit_and_a_tag(world: World, releases: Releases) -> None:
    ran = world.nt("push", releases[0], "ORG/nt", *PUSH)
    assert ran.code == 0, ran.err
    blobs = files_of(releases[0])
    assert ran.out.startswith(f"new:       {len(blobs) + 2} files, ")
    assert "ORG/nt@v1.0.0: published, as commit " in ran.out
    repo = world.hub.repo()
    assert repo.private
    assert [commit.message for commit in repo.history()] == ["Release v1.0.0", "initial commit"]
    assert repo.tags == {"v1.0.0": repo.branches["main"]}
    for revision in ("main", "v1.0.0"):
        assert whole(world, revision, lambda m: m["seed"] == 0)
    published = json.loads(world.hub.text("manifest.json"))["published"]
    assert published == {
        "repo": "ORG/nt",
        "tag": "v1.0.0",
        "version": "1.0.0",
        "language": ["en"],
    }
    order = list(dict.fromkeys(writes(world)))
    assert order == ["create", "preupload", "batch", "blob_put", "verify", "commit", "tag"]

    again = world.nt("push", releases[0], "ORG/nt", *PUSH)
    assert (again.code, again.out.splitlines()[0].split(",")[0]) == (
        0,
        "ORG/nt@v1.0.0: already published",
    )
    assert len(repo.history()) == 2
    assert len(world.hub.received) == len(blobs)


def test_the_next_release_sends_what_is_new(
    world: World, releases: Releases, tmp_path: Path
) -> None:
    world.nt("push", releases[0], "ORG/nt", *PUSH)
    world.hub.received.clear()
    second = tmp_path / "second"
    shutil.copytree(releases[0], second)
    world.hub.edit("LICENSE", "what a person added\n")
    ran = world.nt("push", releases[1], "ORG/nt", "--tag", "v1.1.0", "--accept-findings", "--json")
    plan = json.loads(ran.out)["plan"]
    assert {kind: len(items) for kind, items in plan.items()} == {
        "new": 0,
        "changed": len(files_of(releases[1])) + 2,
        "unchanged": 0,
        "deleted": 0,
        "kept": 1,
    }
    assert whole(world, "v1.0.0", lambda m: m["seed"] == 0)
    assert whole(world, "main", lambda m: m["seed"] == 1)
    assert world.hub.text("LICENSE") == "what a person added\n"
    sent = len(world.hub.received)
    assert sent == len(files_of(releases[1]))
    # Back to the first: its blobs are there, so nothing but text is sent.
    ran = world.nt("push", second, "ORG/nt", "--tag", "v1.2.0", "--accept-findings")
    assert ran.code == 0
    assert len(world.hub.received) == sent


def test_what_is_gone_is_deleted(world: World, demo_pool: Pool, tmp_path: Path) -> None:
    for name, configs in (("a", ["random-50", "long-40"]), ("b", ["random-50"])):
        build(demo_pool.folder, tmp_path / name, configs=configs)
    world.nt("push", tmp_path / "a", "ORG/nt", *PUSH)
    ran = world.nt("push", tmp_path / "b", "ORG/nt", "--tag", "v2.0.0", "--accept-findings")
    assert "deleted:   " in ran.out
    assert "  long-40/train-00000-of-00001.parquet  " in ran.out
    assert "unchanged: 1 file" in ran.out
    assert whole(world, "main", lambda m: len(m["configs"]) == 1)
    assert whole(world, "v1.0.0", lambda m: len(m["configs"]) == 2)


def test_a_dry_run_sends_nothing(world: World, releases: Releases) -> None:
    ran = world.nt("push", releases[0], "ORG/nt", *PUSH, "--dry-run")
    assert ran.code == 0
    assert "new:       " in ran.out
    assert ran.out.endswith("nothing was sent (--dry-run)\n")
    assert world.hub.repos == {}
    assert writes(world) == []


def test_public_or_private(world: World, releases: Releases) -> None:
    world.nt("push", releases[0], "ORG/nt", *PUSH, "--public", "--message", "The first release")
    assert not world.hub.repo().private
    assert world.hub.repo().history()[0].message == "The first release"


def test_large_files_come_in_parts(world: World, releases: Releases) -> None:
    world.hub.multipart_above, world.hub.part_bytes = 10_000, 50_000
    assert world.nt("push", releases[0], "ORG/nt", *PUSH).code == 0
    assert sum(seen.route == "part_put" for seen in world.hub.seen) > 3
    assert whole(world, "v1.0.0", lambda m: True)


def test_a_tag_is_never_moved(world: World, releases: Releases) -> None:
    world.nt("push", releases[0], "ORG/nt", *PUSH)
    ran = world.nt("push", releases[1], "ORG/nt", *PUSH)
    assert ran.error.startswith("ORG/nt@v1.0.0: is published already, with other contents")
    assert whole(world, "main", lambda m: m["seed"] == 0)


def test_the_data_set_of_somebody_else_is_left_alone(world: World, releases: Releases) -> None:
    world.nt("push", releases[0], "ORG/nt", *PUSH)
    repo = world.hub.repo()
    tree = {"data.parquet": world.hub.keep_text(b"theirs"), "README.md": world.hub.keep_text(b"x")}
    world.hub.commit(repo, "main", tree, "another life")
    ran = world.nt("push", releases[1], "ORG/nt", "--tag", "v3.0.0", "--accept-findings")
    assert "holds files, but no manifest.json" in ran.error
    assert world.hub.shown() == tree


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("1.0.0", "--tag 1.0.0: is no semantic version behind a v; write v1.0.0"),
        ("v1.0", "write it like v1.0.0"),
        ("v1.0.0+build", "write it like v1.0.0"),
        ("latest", "write it like v1.0.0"),
    ],
)
def test_a_bad_tag(world: World, releases: Releases, tag: str, message: str) -> None:
    assert message in world.nt("push", releases[0], "ORG/nt", "--tag", tag).error
    assert world.hub.seen == []


@pytest.mark.parametrize(
    ("repo", "message"),
    [
        ("nt", "'nt': the organisation or user is missing; write ORG/nt"),
        ("", "the organisation or user is missing"),
        ("ORG/nt/x", "is no name on the Hub"),
        ("ORG/../nt", "is no name on the Hub"),
        ("O RG/nt", "is no name on the Hub"),
    ],
)
def test_a_bad_name(world: World, releases: Releases, repo: str, message: str) -> None:
    assert message in world.nt("push", releases[0], repo, *PUSH).error
    assert world.hub.seen == []


def test_what_is_no_release(world: World, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (
        "neither a release nor a pool"
        in world.nt("push", tmp_path / "empty", "ORG/nt", *PUSH).error
    )
    assert (
        "neither a release nor a pool" in world.nt("push", tmp_path / "no", "ORG/nt", *PUSH).error
    )
    assert world.hub.seen == []


def test_what_fails_verification(world: World, releases: Releases, tmp_path: Path) -> None:
    folder = tmp_path / "nt"
    shutil.copytree(releases[0], folder)
    (path,) = (folder / "random-300").iterdir()
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    assert (
        "fails verification: random-300/train-" in world.nt("push", folder, "ORG/nt", *PUSH).error
    )
    assert world.hub.seen == []


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "there is no token; log in: hf auth login, or set HF_TOKEN"),
        (EXPIRED, "the token is not accepted; log in again: hf auth login"),
        (READER, "the token may only read; make one that may write"),
        (STRANGER, "the token may not do this: You don't have the rights to write to ORG"),
        ("hf_tök€n", "the token holds characters that no token has"),
        ("hf_two words", "the token holds characters that no token has"),
    ],
)
def test_a_token_that_may_not_write(
    world: World, releases: Releases, token: str, message: str
) -> None:
    world.token = token
    assert message in world.nt("push", releases[0], "ORG/nt", *PUSH).error
    assert world.hub.repos == {}
    assert world.hub.received == []


def test_an_organisation_that_may_only_be_read(world: World, releases: Releases) -> None:
    error = world.nt("push", releases[0], "other/nt", *PUSH).error
    assert "creating other/nt: the token may not do this" in error
    world.nt("push", releases[0], "ORG/nt", *PUSH)
    world.hub.users[world.token]["orgs"]["ORG"] = "read"
    ran = world.nt("push", releases[1], "ORG/nt", "--tag", "v2.0.0", "--accept-findings")
    assert "the token may not do this" in ran.error
    assert whole(world, "main", lambda m: m["seed"] == 0)
    assert list(world.hub.repo().tags) == ["v1.0.0"]


def test_offline(world: World, releases: Releases) -> None:
    process = world.start(
        "push", releases[0], "ORG/nt", *PUSH, env=world.environment(HF_HUB_OFFLINE="1")
    )
    assert "HF_HUB_OFFLINE is set" in world.wait(process).error
    away = world.environment() | {"HF_ENDPOINT": "http://127.0.0.1:9"}
    process = world.start("push", releases[0], "ORG/nt", *PUSH, env=away)
    assert "the Hub cannot be reached" in world.wait(process).error
    assert world.hub.seen == []


def test_a_card_that_the_hub_does_not_take(world: World, releases: Releases) -> None:
    world.hub.faults.append(Fault("validate", 400))
    ran = world.nt("push", releases[0], "ORG/nt", *PUSH)
    assert ran.code == 2
    assert world.hub.received == []


def test_what_people_wrote_on_the_page_survives(world: World, releases: Releases) -> None:
    world.nt("push", releases[0], "ORG/nt", *PUSH)
    card = world.hub.text("README.md")
    notes = "\n## News\n\nRead [this](https://example.org).\n\n```yaml\n---\n```\n"
    card = card.replace(f"{NOTES[0]}\n{NOTES[1]}", f"{NOTES[0]}{notes}{NOTES[1]}")
    card = card.replace("---\n", "---\nthumbnail: https://example.org/x.png\nviewer: true\n", 1)
    card = card.replace("random-300/train-*.parquet", "elsewhere/*.parquet")
    card = card.replace("num_examples: 300", "num_examples: 7")
    card = card.replace("Reasoning traces, selected", "Something else, selected")
    world.hub.edit("README.md", card)

    ran = world.nt("push", releases[1], "ORG/nt", "--tag", "v1.1.0", "--accept-findings")
    assert ran.code == 0, ran.err
    merged = world.hub.text("README.md")
    assert merged.count(notes) == 1
    assert "thumbnail: https://example.org/x.png" in merged
    assert "elsewhere" not in merged
    assert "num_examples: 7" not in merged
    assert "Something else" not in merged
    # And again; nothing of it grows.
    world.nt("push", releases[0], "ORG/nt", "--tag", "v1.2.0", "--accept-findings")
    assert world.hub.text("README.md").count(notes) == 1
    assert world.nt("verify", "ORG/nt@v1.2.0").code == 0


@pytest.mark.parametrize("line", NOTES)
def test_notes_that_cannot_be_told_apart_are_not_lost(
    world: World, releases: Releases, line: str
) -> None:
    world.nt("push", releases[0], "ORG/nt", *PUSH)
    card = world.hub.text("README.md").replace(line, "what I wrote")
    world.hub.edit("README.md", card)
    ran = world.nt("push", releases[1], "ORG/nt", "--tag", "v1.1.0", "--accept-findings")
    assert "ORG/nt/README.md: the two lines around your notes are broken" in ran.error
    assert world.hub.text("README.md") == card


def test_a_pool_with_its_sidecars(world: World, demo_pool: Pool, tmp_path: Path) -> None:
    pool = demo_pool.folder
    ran = world.nt("push", pool, "ORG/pool", *PUSH)
    assert ran.code == 0, ran.err
    assert "already published" in world.nt("push", pool, "ORG/pool", *PUSH).out
    assert world.nt("verify", "ORG/pool@v1.0.0").code == 0
    got = tmp_path / "got"
    assert world.nt("pull", "ORG/pool@v1.0.0", "--out", got).code == 0
    assert world.nt("verify", got).code == 0
    names = ("seed", "rows", "eligible", "files")
    built = []
    for number, source in enumerate((pool, got)):
        out = tmp_path / f"nt{number}"
        ran = world.nt("build", "--pool", source, "--out", out, "--config", "strategies-200")
        assert ran.code == 0, ran.err
        (config,) = json.loads((out / "manifest.json").read_text())["configs"]
        built.append({name: config.get(name) for name in names})
    assert built[0] == built[1]
    assert "already" in world.nt("pull", "ORG/pool@v1.0.0", "--out", got).out
    ran = world.nt("push", got, "ORG/nt", "--tag", "v1.0.0", "--accept-findings")
    assert ran.code == 0
    error = world.nt(
        "push", tmp_path / "nt0", "ORG/pool", "--tag", "v2.0.0", "--accept-findings"
    ).error
    assert "holds a pool, not a release" in error
