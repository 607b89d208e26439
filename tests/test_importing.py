import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from builders import writing
from builders.annotating import annotate_from
from builders.errors import BadOption, BadPool, BadSource, Busy, CutOff
from builders.files import only_writer
from builders.importing import import_source
from builders.listing import describe_pool
from builders.pool import open_pool
from builders.schema import KEYS, TABLES, TRACES
from builders.sources import Record, Response, Resume, Source
from builders.sources.opening import open_source

Write = Callable[..., Path]


def trace(number: int, **more: Any) -> dict[str, Any]:
    return {
        "question": f"What is {number} + 1?",
        "reasoning": f"{number} + 1 = {number + 1}.",
        "answer": str(number + 1),
        **more,
    }


def add(path: Path, pool: Path, **options: Any) -> Any:
    return import_source(open_source(str(path)), pool, **options)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_pool_is_a_data_set(tmp_path: Path, write_jsonl: Write) -> None:
    rows = [trace(1, license="mit", teacher="R1"), {"question": "Why?"}, trace(2, answer="")]
    report = add(write_jsonl(rows), tmp_path / "pool")
    assert report == (3, 1, 0, 0, {"no_answer": 1}, 0)

    traces = load_dataset(str(tmp_path / "pool"), "traces", split="train")
    assert traces.column_names == [column.name for column in TRACES]
    (row,) = traces
    assert row["question"] == "What is 1 + 1?"
    assert (row["license"], row["teacher"], row["source"]) == ("mit", "R1", "traces")
    assert (row["num_reasoning_tokens"], row["num_tokens"]) == (6, 7)
    assert row["finish_reason"] is None
    questions = load_dataset(str(tmp_path / "pool"), "questions", split="train")
    assert questions["question"][:] == ["What is 1 + 1?", "Why?", "What is 2 + 1?"]


def test_what_came_in_is_accounted_for(tmp_path: Path, write_jsonl: Write) -> None:
    rows = [trace(1), trace(1), trace(2, reasoning=""), trace(3, answer=""), {"question": "Why?"}]
    add(write_jsonl(rows), tmp_path / "pool")
    described = describe_pool(tmp_path / "pool")
    assert described["usable_rows"] == 1
    assert described["dropped"] == {"no_answer": 1, "no_reasoning": 1}
    assert described["rows"] == 3
    assert described["questions"] == 4
    assert described["questions_without_traces"] == 3
    listed = list(open_pool(tmp_path / "pool").dropped())
    assert [(row["row"], row["reason"]) for row in listed] == [
        (3, "no_reasoning"),
        (4, "no_answer"),
    ]
    assert listed[0]["excerpt"] == "What is 2 + 1?"


def test_importing_again_adds_only_what_is_new(tmp_path: Path, write_jsonl: Write) -> None:
    pool = tmp_path / "pool"
    first = [trace(1), trace(2), trace(3, answer=""), {"question": "Why?"}]
    add(write_jsonl(first), pool)
    before = content(pool)
    assert add(write_jsonl(first), pool) == (0, 0, 0, 4, {}, 0)
    assert content(pool) == before

    report = add(write_jsonl([*first, trace(4), trace(1, teacher="another")]), pool)
    assert report == (1, 2, 0, 4, {}, 0)
    ids = open_pool(pool).keys("traces").tolist()
    assert len(ids) == len(set(ids)) == 4


def test_natural_reasoning_brings_second_answers(tmp_path: Path, write_jsonl: Write) -> None:
    row = {"question": "Why?", "reference_answer": None, "responses": [{"response": "So."}]}
    for _ in range(2):
        add(write_jsonl([row]), tmp_path / "pool")
    (second,) = load_dataset(str(tmp_path / "pool"), "second_answers", split="train")
    assert (second["model"], second["answer"]) == ("unknown", "So.")


def test_rows_come_back_as_they_went_in(tmp_path: Path, write_jsonl: Write) -> None:
    hypothesis = pytest.importorskip("hypothesis")
    texts = hypothesis.strategies.text(
        hypothesis.strategies.characters(exclude_categories=["Cs"]), min_size=1
    ).filter(lambda text: text.strip() and "think>" not in text)
    rows = hypothesis.strategies.fixed_dictionaries(
        {"question": texts, "reasoning": texts, "answer": texts},
        optional={"reference_answer": texts, "teacher": texts, "license": texts},
    )
    counter = iter(range(10**6))

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(hypothesis.strategies.lists(rows, min_size=1, max_size=4))
    def check(rows: list[dict[str, str]]) -> None:
        pool = tmp_path / f"pool-{next(counter)}"
        rows[0] = {"teacher": "t", "license": "l", **rows[0]}
        add(write_jsonl(rows), pool)
        stored = [
            row
            for shard in open_pool(pool).shards("traces")
            for row in pq.read_table(shard).to_pylist()
        ]
        asked = {"teacher": "unknown", "license": "unknown", "reference_answer": None}
        names = ("question", "reasoning", "answer", "teacher", "license")
        wanted = {tuple((asked | row)[name].strip() for name in names) for row in rows}
        assert {tuple(row[name] for name in names) for row in stored} <= wanted
        unique = {tuple((asked | row)[n].strip() for n in names[:-1]) for row in rows}
        assert len(stored) == len(unique)

    check()


def test_a_broken_source_leaves_the_pool_as_it_was(tmp_path: Path, write_jsonl: Write) -> None:
    pool = tmp_path / "pool"
    broken = write_jsonl([trace(n) for n in range(30)], "broken.jsonl")
    with broken.open("a") as file:
        file.write("{")
    with pytest.raises(BadSource, match="line 31"):
        add(broken, pool, shard_rows=10)
    assert not pool.exists()

    add(write_jsonl([trace(100), trace(101, answer="")]), pool)
    before = content(pool)
    with pytest.raises(BadSource, match="line 31"):
        add(broken, pool, shard_rows=10)
    assert content(pool) == before


def test_a_source_is_recorded_even_if_it_is_interrupted(tmp_path: Path, write_jsonl: Write) -> None:
    class Stop(BaseException):
        pass

    def stop(records: Any) -> Any:
        for number, record in enumerate(records):
            if number == 15:
                raise Stop
            yield record

    path, pool = write_jsonl([trace(n) for n in range(30)]), tmp_path / "pool"
    with pytest.raises(Stop):
        add(path, pool, shard_rows=10, progress=stop)
    assert [one["traces_added"] for one in open_pool(pool).manifest["imports"]] == [10]
    add(path, pool, shard_rows=10)
    assert [one["traces_added"] for one in open_pool(pool).manifest["imports"]] == [10, 20]


def test_only_an_import_with_the_same_options_goes_on(tmp_path: Path) -> None:
    went_on = []

    def source(teacher: str, ends_after: int | None = None) -> Source:
        read = 0

        def records(start: int) -> Iterator[Record]:
            nonlocal read
            for read in range(start + 1, 31):
                if read - 1 == ends_after:
                    raise CutOff(f"after row {read - 1}")
                answer = (Response(teacher, "So.", "Yes."),)
                yield Record(f"{read}?", None, "s", "mit", answer)

        def position(rows: int) -> dict[str, int]:
            return {"rows": rows}

        def after(place: Any) -> Iterator[Record]:
            went_on.append((teacher, place["rows"]))
            return records(place["rows"])

        options = {"teacher": teacher}
        return Source("o/n", "c0", "own", 30, records(0), options, Resume(position, after))

    pool = tmp_path / "pool"
    with pytest.raises(CutOff, match=r"after row 0$"):
        import_source(source("a", 0), pool)
    assert not pool.exists()
    for teacher, ends_after in (("a", 12), ("a", 25)):
        with pytest.raises(CutOff, match="run the same again to go on"):
            import_source(source(teacher, ends_after), pool, shard_rows=10)
        assert open_pool(pool).num_rows("traces") == ends_after
    assert import_source(source("b"), pool, shard_rows=10).traces_added == 30
    report = import_source(source("a"), pool, shard_rows=10)
    assert (report.traces_added, report.read_before) == (5, 25)
    assert went_on == [("a", 12), ("a", 25)]
    report = import_source(source("a"), pool, shard_rows=10)
    assert (report.traces_added, report.already_there, report.read_before) == (0, 30, 0)
    assert open_pool(pool).num_rows("traces") == 60


def test_the_same_bad_row_is_listed_once_wherever_it_comes_from(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "in" / name).mkdir(parents=True)
    bad, other = trace(1, answer=""), trace(2, answer="")
    (tmp_path / "in/one/part.jsonl").write_text(json.dumps(bad))
    (tmp_path / "in/two/part.jsonl").write_text(f"{json.dumps(other)}\n{json.dumps(bad)}")
    report = add(tmp_path / "in", tmp_path / "pool")
    assert report.dropped == {"no_answer": 2}
    assert report.already_there == 1


@pytest.mark.parametrize("limit", ["rows", "bytes"])
def test_a_shard_is_closed_in_time_and_ids_are_known_across_shards(
    tmp_path: Path, write_jsonl: Write, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(writing, "_FEW_IDS", 3)  # so that ids go to the sorted array and back
    if limit == "bytes":
        monkeypatch.setattr(writing, "SHARD_BYTES", 100)
    rows = [trace(n % 25) for n in range(50)]
    options = {"shard_rows": 5} if limit == "rows" else {}
    assert add(write_jsonl(rows), tmp_path / "pool", **options).traces_added == 25
    pool = open_pool(tmp_path / "pool")
    assert len(pool.shards("traces")) > 4
    assert len(set(pool.keys("traces").tolist())) == pool.num_rows("traces") == 25


def test_labels_and_later_imports_go_together(tmp_path: Path, write_jsonl: Write) -> None:
    pool = tmp_path / "pool"
    add(write_jsonl([trace(1), trace(2)]), pool)
    for name, label in (("domain", {"domain": "Law"}), ("verbosity", {"verbosity": 3})):
        path = write_jsonl([{"question": trace(1)["question"], **label}], "labels.jsonl")
        assert annotate_from(pool, name, path) == (1, 2, 0)
    add(write_jsonl([trace(3)]), pool)
    opened = open_pool(pool)
    assert opened.facts(["domain", "verbosity"]).to_pylist() == [
        {"domain": "Law", "verbosity": 3},
        {"domain": None, "verbosity": None},
        {"domain": None, "verbosity": None},
    ]
    assert describe_pool(pool)["usable_rows"] == 3


def test_a_label_of_a_trace_wins_over_that_of_its_question(
    tmp_path: Path, write_jsonl: Write
) -> None:
    pool = tmp_path / "pool"
    add(write_jsonl([trace(1), trace(1, teacher="another")]), pool)
    ids = open_pool(pool).facts(["id"])["id"].to_pylist()
    labels = [
        {"id": ids[1], "verbosity": 9},
        {"id": "an id of the file's own", "question": trace(1)["question"], "verbosity": 1},
    ]
    assert annotate_from(pool, "verbosity", write_jsonl(labels, "l.jsonl")) == (2, 2, 0)
    assert open_pool(pool).facts(["verbosity"])["verbosity"].to_pylist() == [1, 9]


def test_a_local_tokenizer_has_to_be_named_again(tmp_path: Path, write_jsonl: Write) -> None:
    import tokenizers

    words = tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        tokenizer = tokenizers.Tokenizer(words)
        if name == "mine":
            tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
        tokenizer.save(str(tmp_path / name / "tokenizer.json"))
    path, pool, mine = write_jsonl([trace(1)]), tmp_path / "pool", str(tmp_path / "mine")
    add(path, pool, tokenizer=mine)
    assert open_pool(pool).facts(["num_reasoning_tokens"]).to_pylist() == [
        {"num_reasoning_tokens": 5}
    ]
    assert str(tmp_path) not in (pool / "manifest.json").read_text()
    add(path, pool, tokenizer=mine)
    with pytest.raises(BadOption, match="has to be named again"):
        add(path, pool)
    with pytest.raises(BadOption, match="is counted with 'mine'"):
        add(path, pool, tokenizer=str(tmp_path / "other"))


def test_the_folder_may_be_a_link_or_the_one_we_are_in(
    tmp_path: Path, write_jsonl: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    broken = tmp_path / "broken.jsonl"
    broken.write_text(json.dumps(trace(1)) + "\n{")
    with pytest.raises(BadSource, match="line 2"):
        add(broken, tmp_path / "link")
    assert list((tmp_path / "real").iterdir()) == []
    path = write_jsonl([trace(1)])
    add(path, tmp_path / "link")
    monkeypatch.chdir(tmp_path / "real")
    assert add(path, Path()).already_there == 1
    assert open_pool(tmp_path / "real").num_rows("traces") == 1


def test_a_pool_has_one_tokenizer_and_one_writer(tmp_path: Path, write_jsonl: Write) -> None:
    path, pool = write_jsonl([trace(1)]), tmp_path / "pool"
    add(path, pool)
    with pytest.raises(BadOption, match="neither 'words', nor a tokenizer"):
        add(path, pool, tokenizer="other")
    with only_writer(pool), pytest.raises(Busy, match="another nt is writing"):
        add(path, pool)


def test_a_folder_that_is_no_pool_is_left_alone(tmp_path: Path, write_jsonl: Write) -> None:
    path = write_jsonl([trace(1)])
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "letter.txt").write_text("Dear …")
    with pytest.raises(BadPool, match="not a pool"):
        add(path, folder)
    assert content(folder) == {"letter.txt": "Dear …".encode()}


def test_sidecars_have_the_rows_of_their_shards(demo_pool: Any) -> None:
    assert demo_pool.annotations() == [
        "domain",
        "clusters",
        "strategies",
        "verbosity",
        "disagreement",
    ]
    for table in ("questions", "traces"):
        assert len(demo_pool.shards(table)) > 1
    facts = demo_pool.facts(demo_pool.columns())
    assert len(facts) == demo_pool.num_rows("traces") == 4000
    assert facts["domain"].null_count == 0
    assert facts["disagreement"].null_count == 0


def test_a_sidecar_of_other_rows_is_refused(tmp_path: Path, write_jsonl: Write) -> None:
    from builders.importing import import_demo

    import_demo(tmp_path / "pool", rows=60, shard_rows=30)
    pool = open_pool(tmp_path / "pool")
    _, first, second = pool.shards("traces")
    pool.sidecar("verbosity", second).write_bytes(pool.sidecar("verbosity", first).read_bytes())
    with pytest.raises(BadPool, match="does not have the rows of"):
        pool.facts(["verbosity"])


def test_the_fingerprint_knows_rows_and_labels_but_not_shards(tmp_path: Path) -> None:
    from builders.importing import import_demo

    import_demo(tmp_path / "a", rows=100)
    import_demo(tmp_path / "b", rows=100, shard_rows=7)
    import_demo(tmp_path / "c", rows=101)
    a, b, c = (open_pool(tmp_path / name) for name in "abc")
    assert len(b.shards("traces")) == 1 + 15
    assert a.fingerprint() == b.fingerprint() != c.fingerprint()
    for shard in b.shards("traces")[1:]:
        b.sidecar("verbosity", shard).unlink()
    assert a.fingerprint() != b.fingerprint()


def _wait_for(found: Callable[[], Any], process: "subprocess.Popen[str]") -> None:
    while not found():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize(
    "sent", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_an_interrupted_import_keeps_whole_shards_and_goes_on(
    tmp_path: Path, nt_process: Callable[..., "subprocess.Popen[str]"], sent: signal.Signals
) -> None:
    pool = tmp_path / "pool"
    process = nt_process("import", "demo", "--rows", 20_000, "--pool", pool)
    _wait_for(lambda: len(list(pool.glob("traces/*.parquet"))) > 1, process)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    if sent == signal.SIGINT:
        assert process.returncode == 130
        assert errors.count("\n") == 2
        assert "run the same command again" in errors
    kept = open_pool(pool).num_rows("traces")
    assert 0 < kept < 20_000
    assert len(load_dataset(str(pool), "traces", split="train")) == kept

    process = nt_process("import", "demo", "--rows", 20_000, "--pool", pool)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    opened = open_pool(pool)
    assert opened.num_rows("traces") == opened.num_rows("questions") == 20_000
    assert len(set(opened.keys("traces").tolist())) == 20_000
    assert opened.facts(["verbosity", "domain"])["domain"].null_count == 0


@pytest.mark.slow
def test_memory_does_not_grow_with_the_source(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from builders.importing import import_source; "
        "from builders.sources.opening import open_source; "
        "import_source(open_source(sys.argv[1]), sys.argv[2]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )

    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.jsonl"
        with path.open("w") as file:
            for number in range(rows):
                file.write(json.dumps(trace(number)) + "\n")
        command = [sys.executable, "-c", program, str(path), str(tmp_path / f"pool-{rows}")]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)

    small, large = peak(50_000), peak(400_000)
    # Sorted ids take 16 bytes for each row: 6 MB here. The rows themselves would take hundreds.
    assert large - small < 60, f"{small} MB at 50,000 rows, {large} MB at 400,000"


def test_every_table_has_its_key() -> None:
    for table, columns in TABLES.items():
        assert KEYS[table] in [column.name for column in columns]
