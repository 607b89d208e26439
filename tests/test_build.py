import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import get_dataset_config_names, load_dataset

import builders.config_files
import builders.files
import builders.gather
from builders.build import build
from builders.card import render_release_card
from builders.errors import (
    BadOption,
    BadPool,
    BadRelease,
    Busy,
    ChangedByHand,
    MissingColumn,
    PoolTooSmall,
    UnknownConfig,
)
from builders.files import only_writer
from builders.importing import import_demo, import_source
from builders.mixing import INSTRUCTIONS
from builders.pool import Pool, open_pool
from builders.schema import PUBLISHED
from builders.sources.opening import open_source

CONFIGS = ("random-500", "random-2500", "disagree-500", "long-1k", "mix-difficulty-1k")


@pytest.fixture(scope="module")
def release(demo_pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release") / "nt"
    build(demo_pool.folder, out, configs=CONFIGS)
    return out


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(release: Path, config: str) -> list[dict[str, Any]]:
    return [
        row
        for path in sorted((release / config).glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]


def manifest_of(release: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((release / "manifest.json").read_text())
    return manifest


def test_load_dataset_reads_every_config(release: Path) -> None:
    assert get_dataset_config_names(str(release)) == list(CONFIGS)
    for config in CONFIGS:
        loaded = load_dataset(str(release), config, split="train")
        assert loaded.column_names == [column.name for column in PUBLISHED]
        assert len(loaded) == {"500": 500, "2500": 2500, "1k": 1000}[config.rpartition("-")[2]]
        streamed = load_dataset(str(release), config, split="train", streaming=True)
        assert next(iter(streamed)) == loaded[0]


def test_every_row_is_a_row_of_the_pool(release: Path, demo_pool: Pool) -> None:
    pool = {
        row["id"]: row
        for shard in demo_pool.shards("traces")
        for row in pq.read_table(shard).to_pylist()
    }
    facts = demo_pool.facts(["id", "domain", "topic", "strategies", "verbosity", "models_disagree"])
    labels = {row["id"]: row for row in facts.to_pylist()}
    for config in CONFIGS:
        rows = rows_of(release, config)
        assert len({row["id"] for row in rows}) == len(rows)
        for row in rows:
            published = {name: row[name] for name in row if name in pool[row["id"]]}
            assert published == {name: pool[row["id"]][name] for name in published}
            assert {name: row[name] for name in labels[row["id"]]} == labels[row["id"]]


def test_a_smaller_config_is_a_prefix_of_a_larger(release: Path) -> None:
    small, large = rows_of(release, "random-500"), rows_of(release, "random-2500")
    assert large[:500] == small


def test_files_have_fixed_row_groups_zstd_and_a_page_index(release: Path) -> None:
    (path,) = (release / "random-2500").glob("*.parquet")
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [1000, 1000, 500]
    column = groups[0].column(0)
    assert column.compression == "ZSTD"
    assert column.has_offset_index


def test_the_manifest_says_how_every_row_came_to_be_there(release: Path, demo_pool: Pool) -> None:
    manifest = manifest_of(release)
    assert manifest["seed"] == 0
    assert manifest["pool"]["fingerprint"] == demo_pool.fingerprint()
    assert manifest["instructions"] == INSTRUCTIONS
    entries = {entry["name"]: entry for entry in manifest["configs"]}
    long = entries["long-1k"]
    assert long["selector"]["parameters"] == {"full_length": 5000, "exponent": 2.5}
    assert "weighted sampling without replacement" in long["selector"]["about"]
    assert (long["eligible"], long["rows"]) == (4000, 1000)
    assert entries["mix-difficulty-1k"]["mixing"]["unsure"] == "think"
    for entry in manifest["configs"]:
        for file in entry["files"]:
            data = (release / file["path"]).read_bytes()
            assert file["sha256"] == hashlib.sha256(data).hexdigest()
            assert file["bytes"] == len(data)
        rows = rows_of(release, entry["name"])
        thinking = [row["mode"] == "think" for row in rows]
        assert entry["think_share"] == round(sum(thinking) / len(rows), 4)
        trained = [
            row["num_tokens"] - (0 if thinks else row["num_reasoning_tokens"])
            for row, thinks in zip(rows, thinking, strict=True)
        ]
        assert entry["mean_tokens"] == round(sum(trained) / len(rows), 1)


def test_the_same_bytes_on_every_run_and_from_any_shards(
    release: Path, demo_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(demo_pool.folder, tmp_path / "again", configs=CONFIGS)
    assert content(tmp_path / "again") == content(release)

    import_demo(tmp_path / "pool", rows=4000, shard_rows=333)
    # Text that goes to disk on the way, and a few rows at a time, must not show either.
    monkeypatch.setattr(builders.gather, "SPILL_BYTES", 100_000)
    build(tmp_path / "pool", tmp_path / "sharded", configs=CONFIGS)
    assert content(tmp_path / "sharded") == content(release)


def test_a_pool_elsewhere_gives_the_same_bytes(
    demo_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(demo_pool.folder, tmp_path / "copy")
    build(demo_pool.folder, tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    build("copy", "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert str(tmp_path) not in (tmp_path / "b" / "manifest.json").read_text()


def test_the_card_states_the_size_that_datasets_finds(release: Path) -> None:
    for entry in manifest_of(release)["configs"]:
        loaded = load_dataset(str(release), entry["name"], split="train")
        assert loaded.info.splits["train"].num_bytes == entry["num_bytes"]


def test_labels_that_change_during_a_build_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_demo(tmp_path / "pool", rows=60)
    pool = open_pool(tmp_path / "pool")

    def change(items: Any, what: str) -> Any:
        _, shard = pool.shards("traces")
        path = pool.sidecar("verbosity", shard)
        table = pq.read_table(path)
        pq.write_table(table.set_column(1, "verbosity", pa.array([1] * 60, pa.int8())), path)
        return items

    with pytest.raises(Busy, match="labels changed"):
        build(tmp_path / "pool", tmp_path / "nt", configs=["random-10"], progress=change)
    assert not (tmp_path / "nt").exists()


def test_an_import_during_a_build_does_not_mix_into_it(tmp_path: Path) -> None:
    import_demo(tmp_path / "pool", rows=60)
    build(tmp_path / "pool", tmp_path / "before", configs=["random-50"])

    def grow(items: Any, what: str) -> Any:
        import_demo(tmp_path / "pool", rows=90)
        return items

    build(tmp_path / "pool", tmp_path / "during", configs=["random-50"], progress=grow)
    assert content(tmp_path / "during") == content(tmp_path / "before")


def test_mixing_by_difficulty_takes_only_what_was_judged(demo_pool: Pool, tmp_path: Path) -> None:
    shutil.copytree(demo_pool.folder, tmp_path / "pool")
    pool = open_pool(tmp_path / "pool")
    for shard in pool.shards("traces")[2:]:
        pool.sidecar("disagreement", shard).unlink()
    release = build(pool.folder, tmp_path / "nt", configs=["mix-difficulty-1k", "random-1k"])
    assert [c["eligible"] for c in release.manifest["configs"]] == [1500, 4000]
    judged = open_pool(tmp_path / "pool").facts(["id", "disagreement"])
    verdicts = dict(zip(*(judged[name].to_pylist() for name in judged.column_names), strict=True))
    for row in rows_of(tmp_path / "nt", "mix-difficulty-1k"):
        assert row["mode"] == ("no_think" if verdicts[row["id"]] == "agree" else "think")
        assert verdicts[row["id"]] is not None


def test_without_an_exchange_of_folders(
    plain_pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systems that cannot exchange two folders in one step, and a kill between the two."""
    monkeypatch.setattr(builders.files, "_exchange", lambda a, b: False)
    out = tmp_path / "nt"
    for size in (10, 20):
        build(plain_pool, out, configs=[f"random-{size}"])
    assert [path.name for path in tmp_path.iterdir() if "nt" in path.name] == ["nt"]
    before = content(out)
    out.rename(tmp_path / ".nt.old")  # killed after the first rename
    with pytest.raises(PoolTooSmall):
        build(plain_pool, out, configs=["random-30"])
    build(plain_pool, out, configs=["random-20"])
    assert content(out) == before
    assert not (tmp_path / ".nt.old").exists()


def written_anew(release: Path, before: dict[str, tuple[int, int]]) -> list[str]:
    """The files that are not the very ones that were there before; pictures are always drawn."""
    new = [name for name, inode in inodes(release).items() if before.get(name) != inode]
    return [name for name in new if not name.startswith("pictures/")]


def inodes(release: Path) -> dict[str, tuple[int, int]]:
    """Of each file its inode, with its time, since the number of one that is gone is used again."""
    stats = {path: path.stat() for path in sorted(release.rglob("*")) if path.is_file()}
    return {str(p.relative_to(release)): (s.st_ino, s.st_mtime_ns) for p, s in stats.items()}


PARTS = ["random-300", "long-300", "mix-p40-300"]


def test_files_that_would_come_out_the_same_are_taken_over(demo_pool: Pool, tmp_path: Path) -> None:
    out = tmp_path / "nt"
    build(demo_pool.folder, out, configs=PARTS)
    before, first = inodes(out), content(out)
    build(demo_pool.folder, out, configs=PARTS)
    assert written_anew(out, before) == ["README.md", "manifest.json"]
    assert content(out) == first

    build(demo_pool.folder, out, configs=[*PARTS, "verbose-300"])
    parquet = [name for name in written_anew(out, before) if name.endswith(".parquet")]
    assert parquet == ["verbose-300/train-00000-of-00001.parquet"]
    # What was taken over cannot be told from what is written.
    build(demo_pool.folder, tmp_path / "fresh", configs=[*PARTS, "verbose-300"])
    assert content(out) == content(tmp_path / "fresh")


def test_new_labels_cost_the_configs_whose_rows_have_them(demo_pool: Pool, tmp_path: Path) -> None:
    shutil.copytree(demo_pool.folder, tmp_path / "pool")
    pool, out = open_pool(tmp_path / "pool"), tmp_path / "nt"
    build(pool.folder, out, configs=["random-5", "random-4000"])
    before = inodes(out)
    ids = {row["id"] for row in rows_of(out, "random-5")}
    shard, place = next(
        (shard, row)
        for shard in pool.shards("traces")
        for row, key in enumerate(pq.read_table(shard, columns=["id"])["id"].to_pylist())
        if key not in ids
    )
    path = pool.sidecar("verbosity", shard)
    values = pq.read_table(path)["verbosity"].to_pylist()
    values[place] = (values[place] + 1) % 11
    pq.write_table(
        pq.read_table(path).set_column(1, "verbosity", pa.array(values, pa.int8())), path
    )
    build(pool.folder, out, configs=["random-5", "random-4000"])
    parquet = [name for name in written_anew(out, before) if name.endswith(".parquet")]
    assert parquet == ["random-4000/train-00000-of-00001.parquet"]
    build(pool.folder, tmp_path / "fresh", configs=["random-5", "random-4000"])
    assert content(out) == content(tmp_path / "fresh")


def test_another_seed_or_rule_writes_other_files(demo_pool: Pool, tmp_path: Path) -> None:
    out = tmp_path / "nt"
    build(demo_pool.folder, out, configs=PARTS)
    before = inodes(out)
    build(demo_pool.folder, out, configs=PARTS, seed=1)
    assert len(written_anew(out, before)) == len(PARTS) + 2
    build(demo_pool.folder, tmp_path / "fresh", configs=PARTS, seed=1)
    assert content(out) == content(tmp_path / "fresh")


def change_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "manifest.json",
        "pictures/lengths.png",
        "long-300/train-00000-of-00001.parquet",
    ],
)
def test_what_was_changed_by_hand_is_named_and_kept(
    demo_pool: Pool, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "nt"
    build(demo_pool.folder, out, configs=PARTS)
    built = content(out)
    if name == "manifest.json":
        path = out / name
        path.write_text(path.read_text().replace('"seed": 0', '"seed": 5'))
    else:
        change_a_byte(out / name)
    edited = content(out)
    with pytest.raises(ChangedByHand, match=f"since it was built: {name}; .*--overwrite"):
        build(demo_pool.folder, out, configs=PARTS)
    assert content(out) == edited
    build(demo_pool.folder, out, configs=PARTS, overwrite=True)
    assert content(out) == built


def test_a_file_that_is_gone_is_written_again(demo_pool: Pool, tmp_path: Path) -> None:
    out = tmp_path / "nt"
    build(demo_pool.folder, out, configs=PARTS)
    built, before = content(out), inodes(out)
    lost = "long-300/train-00000-of-00001.parquet"
    (out / lost).unlink()
    build(demo_pool.folder, out, configs=PARTS)
    assert content(out) == built
    assert set(written_anew(out, before)) == {lost, "README.md", "manifest.json"}


def test_a_manifest_that_points_elsewhere_is_no_release(demo_pool: Pool, tmp_path: Path) -> None:
    out = tmp_path / "nt"
    build(demo_pool.folder, out, configs=["random-10"])
    path = out / "manifest.json"
    path.write_text(path.read_text().replace('"random-10/train', '"../secret/train'))
    with pytest.raises(BadRelease, match="not a release"):
        build(demo_pool.folder, out, configs=["random-10"])


def test_another_seed_gives_other_rows(release: Path, demo_pool: Pool, tmp_path: Path) -> None:
    build(demo_pool.folder, tmp_path / "nt", configs=["random-500"], seed=1)
    ids = {row["id"] for row in rows_of(tmp_path / "nt", "random-500")}
    assert ids != {row["id"] for row in rows_of(release, "random-500")}


def test_load_dataset_sees_a_folder_that_was_built_again(demo_pool: Pool, tmp_path: Path) -> None:
    out = tmp_path / "nt"
    for seed in (0, 1):
        build(demo_pool.folder, out, configs=["random-50"], seed=seed)
        loaded = load_dataset(str(out), "random-50", split="train")
        assert loaded["id"][:] == [row["id"] for row in rows_of(out, "random-50")]


def test_large_configs_have_several_files(
    demo_pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builders.config_files, "FILE_ROWS", 2000)
    build(demo_pool.folder, tmp_path / "nt", configs=["random-3500", "random-2000"])
    names = [path.name for path in sorted((tmp_path / "nt" / "random-3500").iterdir())]
    assert names == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    loaded = load_dataset(str(tmp_path / "nt"), "random-3500", split="train")
    assert loaded["id"][:] == [row["id"] for row in rows_of(tmp_path / "nt", "random-3500")]
    # A whole file of the larger config is the smaller config's file, which storage keeps once.
    files = content(tmp_path / "nt")
    first = files["random-3500/train-00000-of-00002.parquet"]
    assert first == files["random-2000/train-00000-of-00001.parquet"]


def test_by_default_every_config_that_can_be_filled(demo_pool: Pool, tmp_path: Path) -> None:
    release = build(demo_pool.folder, tmp_path / "nt")
    built = [entry["name"] for entry in release.manifest["configs"]]
    assert "random-1k" in built
    assert "disagree-1k" in built
    assert "random-10k" not in built
    left_out = {one["name"]: one["why"] for one in release.manifest["not_filled"]}
    assert left_out["random-10k"] == "only 4,000 eligible"
    assert not set(built) & set(left_out)


@pytest.fixture
def plain_pool(tmp_path: Path, write_jsonl: Callable[..., Path]) -> Path:
    rows = [{"question": f"{n}?", "reasoning": "So.", "answer": "Yes."} for n in range(20)]
    import_source(open_source(str(write_jsonl(rows))), tmp_path / "plain")
    return tmp_path / "plain"


def test_what_cannot_be_built_is_refused_and_nothing_is_written(
    plain_pool: Path, tmp_path: Path
) -> None:
    out = tmp_path / "nt"
    with pytest.raises(PoolTooSmall, match=r"needs 30 rows.* found 20 eligible of 20"):
        build(plain_pool, out, configs=["random-30"])
    with pytest.raises(MissingColumn, match=r"'domain'.*nt annotate domain --pool"):
        build(plain_pool, out, configs=["random-10", "topics-10"])
    with pytest.raises(MissingColumn, match=r"nt annotate disagreement"):
        build(plain_pool, out, configs=["mix-difficulty-10"])
    with pytest.raises(PoolTooSmall, match="none of the published configs"):
        build(plain_pool, out)
    with pytest.raises(UnknownConfig):
        build(plain_pool, out, configs=["../escape-1k"])
    with pytest.raises(BadPool):
        build(tmp_path / "nowhere", out)
    assert not [path for path in tmp_path.iterdir() if "nt" in path.name]


def test_only_a_release_is_replaced(plain_pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "nt"
    build(plain_pool, out, configs=["random-10", "random-20"])
    build(plain_pool, out, configs=["random-20"])
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "manifest.json",
        "pictures",
        "random-20",
    ]

    (out / "notes.txt").write_text("mine")
    before = content(out)
    with pytest.raises(BadOption, match="is not from 0"):
        build(plain_pool, out, configs=["random-10"], seed=2**64)
    with pytest.raises(BadRelease, match=r"notes\.txt"):
        build(plain_pool, out, configs=["random-10"])
    assert content(out) == before

    with pytest.raises(BadRelease, match="not a release"):
        build(plain_pool, plain_pool, configs=["random-10"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.json").write_text('{"configs": []}')
    with pytest.raises(BadRelease, match="not a release"):
        build(plain_pool, tmp_path / "mine", configs=["random-10"])
    with only_writer(tmp_path / "busy"), pytest.raises(Busy):
        build(plain_pool, tmp_path / "busy", configs=["random-10"])


def test_a_failed_build_leaves_the_old_release(
    plain_pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "nt"
    build(plain_pool, out, configs=["random-10"])
    before = content(out)

    def fail(manifest: Any) -> str:
        raise OSError("no space left on device")

    monkeypatch.setattr(builders.build, "render_release_card", fail)
    with pytest.raises(OSError, match="no space left"):
        build(plain_pool, out, configs=["random-20"])
    assert content(out) == before
    assert not (tmp_path / ".nt.new").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_the_old_release(
    demo_pool: Pool, tmp_path: Path, nt_process: Callable[..., Any], sent: signal.Signals
) -> None:
    out = tmp_path / "nt"
    build(demo_pool.folder, out, configs=["random-10"])
    before = content(out)
    process = nt_process("build", "--pool", demo_pool.folder, "--out", out)
    while not list((tmp_path / ".nt.new").glob("*/*.parquet")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert content(out) == before
    if sent == signal.SIGINT:
        assert process.returncode == 130
        assert "The release is as it was before." in errors
        assert "Traceback" not in errors
    build(demo_pool.folder, out, configs=["random-20"])
    assert not (tmp_path / ".nt.new").exists()


def test_a_release_is_read_while_it_is_replaced(plain_pool: Path, tmp_path: Path) -> None:
    """The exchange of two folders is one step: a reader always finds a whole release."""
    out = tmp_path / "nt"
    build(plain_pool, out, configs=["random-10"])
    reader = os.fork()
    if reader == 0:  # reads until it is told to stop
        code = 0
        while not (tmp_path / "stop").exists():
            try:
                manifest_of(out)
            except BaseException:
                code = 1
                break
        os._exit(code)
    for seed in range(8):
        build(plain_pool, out, configs=["random-10"], seed=seed)
    (tmp_path / "stop").touch()
    _, status = os.waitpid(reader, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_the_card_is_made_from_the_manifest_alone(release: Path) -> None:
    card = (release / "README.md").read_text()
    assert render_release_card(manifest_of(release)) == card
