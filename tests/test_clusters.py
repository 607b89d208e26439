"""Clusters: the numbers, and `nt annotate clusters` from a pool to a release."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import adjusted_rand_score

from builders.annotating import annotate_from
from builders.clustering import cluster
from builders.clusters import NOISE, Settings
from builders.clusters.assigning import assign
from builders.clusters.describing import numbered_by_size, typical_terms
from builders.clusters.fitting import fit
from builders.clusters.memory import check, needed
from builders.clusters.reducing import fit_reduction
from builders.embedders import Embedder
from builders.embedders.lsa import lsa
from builders.errors import BadOption, BadPool
from builders.importing import import_source
from builders.pool import Pool, open_pool
from builders.schema import ANNOTATIONS
from builders.sources.opening import open_source

NT = Callable[..., tuple[int, str, str]]

KINDS = [
    "apple pear plum cherry orchard basket fruit ripe juice",
    "train station track ticket engine wagon signal platform",
    "proof lemma theorem integer prime divisor modulo residue",
    "court judge verdict appeal statute clause lawyer witness",
    "cell enzyme protein membrane nucleus genome mutation",
    "supply demand price market inflation tariff wage",
    "poem stanza rhyme metre novel author chapter irony",
    "voltage circuit resistor current ohm capacitor coil",
    "soil crop harvest irrigation seed fertiliser drought",
    "empire treaty revolt dynasty siege monarch crusade",
]


def questions(first: int, last: int) -> Iterator[tuple[str, int]]:
    """Synthetic questions of ten kinds, with the number of the kind."""
    for row in range(first, last):
        rng = np.random.default_rng(row)
        kind = int(rng.integers(len(KINDS)))
        yield f"{' '.join(rng.choice(KINDS[kind].split(), 6))} {row}?", kind


def import_texts(folder: Path, texts: list[str], *, shard_rows: int = 250) -> Path:
    file = folder.parent / "asked.jsonl"
    file.write_text("".join(json.dumps({"question": text}) + "\n" for text in texts))
    import_source(open_source(str(file), license="mit"), folder, shard_rows=shard_rows)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "pool"
    asked = list(questions(0, 900))
    import_texts(folder, [text for text, _ in asked])
    labels = folder.parent / "labels.jsonl"
    rows = [{"question": text, "cluster": kind} for text, kind in asked]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows))
    annotate_from(folder, "clusters", labels)
    return folder


@pytest.fixture
def pool(small: Path, tmp_path: Path) -> Path:
    """Questions with cluster labels that came from a file."""
    shutil.copytree(small, tmp_path / "pool")
    return tmp_path / "pool"


def labels_of(folder: Path) -> dict[str, int]:
    pool = open_pool(folder)
    table = pool.question_annotation("clusters", ANNOTATIONS["clusters"].columns)
    return dict(zip(table["question_id"].to_pylist(), table["cluster"].to_pylist(), strict=True))


def by_words(sample: Any) -> Embedder:
    return lsa(sample.texts, seed=0)


def planted(seed: int, size: int = 3000, dimensions: int = 5) -> tuple[Any, Any]:
    """Ten clusters of unequal sizes and densities, and a fifth of the points anywhere."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.full(10, 2.0))
    truth = rng.choice(10, size, p=share)
    centres = rng.uniform(-10, 10, (10, dimensions))
    spread = rng.uniform(0.2, 0.8, 10)
    points = centres[truth] + rng.normal(size=(size, dimensions)) * spread[truth, None]
    noise = rng.random(size) < 0.2
    points[noise] = rng.uniform(-12, 12, (int(noise.sum()), dimensions))
    truth[noise] = NOISE
    return points.astype(np.float32), truth


def test_planted_clusters_are_found_and_a_sample_finds_the_same() -> None:
    points, truth = planted(0)
    settings = Settings(min_cluster_size=30, largest=0.5)
    whole = fit(points, settings, of=len(points))
    assert adjusted_rand_score(truth, whole) > 0.9
    chosen = np.random.default_rng(1).permutation(len(points))[:1000]
    rest = np.setdiff1d(np.arange(len(points)), chosen)
    labels = np.full(len(points), NOISE, np.int32)
    labels[chosen] = fit(points[chosen], settings, of=len(points))
    labels[rest] = assign(points[rest], points[chosen], labels[chosen], neighbours=5)
    assert adjusted_rand_score(whole, labels) > 0.9
    # Noise stays noise, and little else becomes it.
    assert (labels[rest][truth[rest] == NOISE] == NOISE).mean() > 0.8
    assert (labels[rest][truth[rest] != NOISE] == NOISE).mean() < 0.1


def test_no_cluster_is_larger_than_asked_for() -> None:
    points, _ = planted(2)
    whole = fit(points, Settings(min_cluster_size=30, largest=1.0), of=len(points))
    largest = np.bincount(whole[whole >= 0]).max() / len(points)
    parts = fit(points, Settings(min_cluster_size=30, largest=largest / 2), of=len(points))
    assert np.bincount(parts[parts >= 0]).max() <= largest / 2 * len(points)


def test_components_are_those_of_scikit_learn_whatever_the_shards() -> None:
    from sklearn.decomposition import PCA

    points, _ = planted(3, dimensions=12)
    theirs = PCA(4, svd_solver="full").fit(points.astype(np.float64))
    one = fit_reduction([points], 4)
    many = fit_reduction(np.split(points, [5, 5, 700, 2999]), 4)
    np.testing.assert_allclose(one.apply(points), many.apply(points), atol=1e-4)
    np.testing.assert_allclose(
        np.abs(one.apply(points)), np.abs(theirs.transform(points)), atol=1e-3
    )
    assert one.explained == pytest.approx(theirs.explained_variance_ratio_.sum())


def test_a_vote_takes_the_majority_and_of_several_the_nearest() -> None:
    line = np.arange(5, dtype=np.float32)[:, None]
    labels = np.array([1, 1, 0, 0, -1], np.int32)
    at = np.array([[0.1], [2.1], [3.1], [1.6]], np.float32)
    assert assign(at, line, labels, neighbours=3).tolist() == [1, 0, 0, 0]
    assert assign(at, line, labels, neighbours=2).tolist() == [1, 0, 0, 0]
    assert assign(at, line, labels, neighbours=1).tolist() == [1, 0, 0, 0]
    # Where no fitted point of the cluster has its neighbours so far away, there is no cluster.
    far = np.array([[-0.9], [-1.1], [9.0]], np.float32)
    assert assign(far, line, labels, neighbours=1).tolist() == [1, -1, -1]


def test_numbers_go_by_size_and_then_by_the_smallest_id() -> None:
    labels = np.array([7, 7, 3, 3, 5, 5, 5, -1], np.int32)
    keys = np.array([9, 8, 2, 7, 5, 6, 4, 1], np.uint64)
    assert numbered_by_size(labels, keys).tolist() == [2, 2, 1, 1, 0, 0, 0, -1]


def test_terms_tell_a_cluster_from_the_others() -> None:
    texts = ["the apple tree", "an apple pie", "the steam engine", "an engine room", "apple engine"]
    terms = typical_terms(texts, np.array([0, 0, 1, 1, -1], np.int32), 2)
    assert terms[0][0] == "apple" and terms[1][0] == "engine"
    assert typical_terms(["the 12", "and 3"], np.array([0, 1], np.int32), 2) == [[], []]


def test_memory_is_estimated_and_refused_with_what_would_fit() -> None:
    settings = Settings(fit_on=10_000_000)
    assert needed(1_000_000, 128, Settings()) < 2e9
    assert needed(1_000_000, 128, settings) > 3e9
    with pytest.raises(BadOption, match=r"takes about .* GB of .*; --fit-on \d+000 fits"):
        check(1_000_000, 128, settings, available=3_000_000_000)
    with pytest.raises(BadOption, match="even the smallest sample"):
        check(1_000_000, 128, settings, available=100_000_000)
    check(1_000_000, 128, settings, available=None)


def test_labels_that_are_there_stay_until_they_are_overwritten(nt: NT, pool: Path) -> None:
    kinds = labels_of(pool)
    code, _, error = nt("annotate", "clusters", "--pool", pool)
    assert code == 2
    assert error.count("\n") == 1 and "--overwrite" in error
    assert labels_of(pool) == kinds, "refused, and yet changed"
    code, out, _ = nt("annotate", "clusters", "--pool", pool, "--overwrite", "--json")
    assert code == 0
    made = json.loads(out)
    found = labels_of(pool)
    assert found.keys() == kinds.keys()
    assert made["clusters"] >= 10 and made["noise"] < 0.3 * len(found)
    inside = [one for one in found if found[one] >= 0]
    homogeneous = sum(
        max(np.bincount([kinds[one] for one in inside if found[one] == number]))
        for number in range(made["clusters"])
    )
    assert homogeneous > 0.95 * len(inside)
    sizes = [row["questions"] for row in made["table"]]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == made["clusters"]
    assert sum(sizes) + made["noise"] == made["questions"] == len(found)
    for row in made["table"]:
        assert any(set(row["terms"]) <= set(kind.split()) for kind in KINDS)
    assert sum(made["map"]["counts"]) == len(found)
    # Again: the same, without being asked to overwrite; by hand, and it is no longer ours.
    assert nt("annotate", "clusters", "--pool", pool)[0] == 0
    changed = pool.parent / "changed.jsonl"
    changed.write_text(json.dumps({"question_id": inside[0], "cluster": 77}) + "\n")
    assert nt("annotate", "clusters", "--pool", pool, "--from", changed)[0] == 0
    assert open_pool(pool).made("clusters") is None
    assert nt("annotate", "clusters", "--pool", pool)[0] == 2


def test_the_same_seed_gives_the_same_labels_however_the_pool_is_sharded(tmp_path: Path) -> None:
    found = []
    for rows in (200, 800):
        texts = [text for text, _ in questions(0, 800)][:: 1 if rows == 200 else -1]
        folder = import_texts(tmp_path / str(rows), texts, shard_rows=rows)
        for seed in (0, 1):
            cluster(folder, by_words, settings=Settings(fit_on=400), seed=seed, overwrite=seed == 1)
            found.append(labels_of(folder))
    assert found[0] == found[2] and found[1] == found[3]
    assert found[0] != found[1]


def test_vectors_are_half_precision_sidecars_which_nothing_else_reads(pool: Path) -> None:
    before = open_pool(pool).columns()
    made = cluster(pool, by_words, overwrite=True)
    opened = open_pool(pool)
    assert opened.columns() == before
    (folder,) = (pool / "embeddings").iterdir()
    assert json.loads((folder / "embedder.json").read_text()) == made["embedder"]
    for shard in opened.shards("questions"):
        table = pq.read_table(folder / shard.name)
        assert "halffloat" in str(table.schema.field("embedding").type)
        assert table["question_id"].equals(pq.read_table(shard)["question_id"])


def facts(name: str) -> dict[str, Any]:
    return {"embedder": name, "kind": "test", "revision": None, "pooling": "none"}


def counting(seen: list[int], *, broken: int | None = None) -> Callable[[Any], Embedder]:
    """An embedder that notes how much it did, and is killed at its so manieth shard."""
    letters = "abcdefghijklmnopqrstuvwxyz"

    def embed(texts: Any) -> Any:
        if len(seen) == broken:
            raise KeyboardInterrupt
        seen.append(len(texts))
        return np.array([[text.count(letter) for letter in letters] for text in texts], float)

    return lambda sample: Embedder(facts("counting"), embed)


def test_a_killed_run_goes_on_with_the_shards_that_are_missing(pool: Path) -> None:
    seen: list[int] = []
    kinds = labels_of(pool)
    with pytest.raises(KeyboardInterrupt):
        cluster(pool, counting(seen, broken=2), overwrite=True)
    assert labels_of(pool) == kinds and len(seen) == 2
    cluster(pool, counting(seen), overwrite=True)
    shards = [pq.read_metadata(s).num_rows for s in open_pool(pool).shards("questions")]
    assert seen == [rows for rows in shards if rows], "a shard was embedded twice"


def test_kill_nine_leaves_old_labels_or_new_ones(
    pool: Path, nt_process: Callable[..., "subprocess.Popen[str]"]
) -> None:
    kinds = labels_of(pool)
    process = nt_process("annotate", "clusters", "--pool", pool, "--overwrite")
    deadline = time.monotonic() + 120
    while not list(pool.glob("embeddings/*/00001-*.parquet")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert open_pool(pool).made("clusters") or labels_of(pool) == kinds
    made = cluster(pool, by_words, overwrite=True)
    assert open_pool(pool).made("clusters") == made
    assert made["clusters"] == max(labels_of(pool).values()) + 1


def test_labels_of_a_source_do_not_mix_with_clusters_that_were_made(
    nt: NT, demo_pool: Pool, tmp_path: Path
) -> None:
    """The demo's families serve as clusters until others are asked for."""
    pool = tmp_path / "pool"
    shutil.copytree(demo_pool.folder, pool)
    assert nt("annotate", "clusters", "--pool", pool)[0] == 2
    code, _, error = nt("annotate", "clusters", "--pool", pool, "--overwrite")
    assert code == 0, error
    before = labels_of(pool)
    assert nt("import", "demo", "--rows", 4100, "--pool", pool)[0] == 0
    after = labels_of(pool)
    assert len(after) > len(before)
    assert {one: after[one] for one in before} == before
    assert {after[one] for one in after.keys() - before.keys()} == {None}
    # More questions are another clustering.
    code, _, error = nt("annotate", "clusters", "--pool", pool)
    assert code == 2 and "made by lsa" in error


def test_no_questions(nt: NT, tmp_path: Path) -> None:
    pool = import_texts(tmp_path / "pool", ["<think> is not allowed here"])
    code, _, error = nt("annotate", "clusters", "--pool", pool)
    assert code == 2 and error.count("\n") == 1 and "no questions" in error


def test_nothing_but_noise(nt: NT, tmp_path: Path) -> None:
    pool = import_texts(tmp_path / "pool", [text for text, _ in questions(0, 12)])
    code, _, error = nt("annotate", "clusters", "--pool", pool)
    assert code == 2 and error.count("\n") == 1
    assert "all 12 questions are noise" in error and "--min-cluster-size" in error
    assert "clusters" not in open_pool(pool).annotations()


def test_one_question(nt: NT, tmp_path: Path) -> None:
    pool = import_texts(tmp_path / "pool", ["Why is the sky blue?"])
    code, _, error = nt("annotate", "clusters", "--pool", pool)
    assert code == 2 and error.startswith("nt: all 1 questions are noise")


def test_one_cluster(pool: Path) -> None:
    """Two groups, of which only one is dense enough."""
    rng = np.random.default_rng(0)

    def embed(texts: Any) -> Any:
        near = np.array(["apple" in text or "pear" in text for text in texts])
        spread = np.where(near, 0.001, 1.0)[:, None]
        return np.array([9.0, 9.0, 0.0]) * near[:, None] + rng.normal(size=(len(texts), 3)) * spread

    kinds = labels_of(pool)
    settings = Settings(min_cluster_size=60, min_samples=60, largest=0.5)
    with pytest.raises(BadPool, match=r"there is only one cluster, of .* questions; a smaller"):
        cluster(
            pool,
            lambda sample: Embedder(facts("one"), embed),
            settings=settings,
            overwrite=True,
        )
    assert labels_of(pool) == kinds


def test_nan_in_vectors(pool: Path) -> None:
    def embed(texts: Any) -> Any:
        vectors = np.ones((len(texts), 3))
        vectors[2, 1] = np.nan
        return vectors

    kinds = labels_of(pool)
    with pytest.raises(BadPool, match=r"'broken' gave NaN or infinity for 1 of .* questions"):
        cluster(pool, lambda sample: Embedder(facts("broken"), embed), overwrite=True)
    assert labels_of(pool) == kinds
    assert not list(pool.glob("embeddings/*/*[1-9]-*.parquet"))


def test_questions_of_which_nothing_is_known_are_noise(nt: NT, tmp_path: Path) -> None:
    sums = [f"{n} + {n + 1} = ?" for n in range(40)]
    pool = import_texts(tmp_path / "pool", [*sums, *(text for text, _ in questions(0, 400))])
    code, out, _ = nt("annotate", "clusters", "--pool", pool, "--json")
    assert code == 0
    assert json.loads(out)["unknown"] == 40
    opened = open_pool(pool)
    asked = [
        t for s in opened.shards("questions") for t in pq.read_table(s)["question"].to_pylist()
    ]
    found = dict(zip(asked, labels_of(pool).values(), strict=True))
    assert {found[text] for text in sums} == {-1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dimensions", 1], "--dimensions 1: must be from 2 to 50"),
        (["--fit-on", 3], "--fit-on 3: must be from 100"),
        (["--largest", 2], "--largest 2.0"),
        (["--backend", "cuml"], "RAPIDS cuML is not installed"),
        (["--backend", "umap"], "there are: hdbscan, cuml"),
        (["--embedder", "endpoint"], "--base-url is missing"),
        (["--embedder", "endpoint", "--base-url", "http://h"], "--embedding-model is missing"),
        (["--embedder", "no/such-model"], "nor to be had from the Hub"),
        (["--embedder", "tests"], "a folder without modules.json and config.json"),
    ],
)
def test_what_cannot_be(nt: NT, pool: Path, words: list[Any], said: str) -> None:
    code, _, error = nt("annotate", "clusters", "--pool", pool, "--overwrite", *words)
    assert code == 2 and error.count("\n") == 1
    assert said in error


@pytest.mark.parametrize(
    ("package", "words"),
    [("sklearn", []), ("hdbscan", []), ("sentence_transformers", ["--embedder", "FOLDER"])],
)
def test_a_package_that_is_missing_names_its_extra(
    nt: NT,
    pool: Path,
    tmp_path: Path,
    package: str,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "modules.json").write_text("[]")
    monkeypatch.setitem(sys.modules, package, None)
    words = [str(tmp_path) if word == "FOLDER" else word for word in words]
    code, _, error = nt("annotate", "clusters", "--pool", pool, "--overwrite", *words)
    assert code == 2 and error.count("\n") == 1
    assert "naturalthoughts[embed]" in error


def test_the_card_of_a_release_says_how_its_clusters_were_made(
    nt: NT, demo_pool: Pool, tmp_path: Path
) -> None:
    pool, release = tmp_path / "pool", tmp_path / "nt"
    shutil.copytree(demo_pool.folder, pool)
    words = ["build", "--pool", pool, "--out", release, "--config"]
    assert nt(*words, "semantic-200")[0] == 0
    assert "## Clusters" not in (release / "README.md").read_text()  # the demo's families
    made = cluster(pool, by_words, overwrite=True)
    assert nt(*words, "semantic-200", "--config", "random-100")[0] == 0
    manifest = json.loads((release / "manifest.json").read_text())
    assert manifest["pool"]["clusters"] == {**made, "table": made["table"][:20]}
    card = (release / "README.md").read_text()
    assert f"{made['clusters']} clusters of similar questions" in card
    for row in made["table"][:20]:
        assert f"| {row['cluster']} | {row['questions']:,} |" in card
        assert ", ".join(row["terms"]) in card
    (picture,) = [one for one in manifest["pictures"] if "clusters" in one["path"]]
    assert made["table"][0]["terms"][0] in picture["shows"]
    assert nt("verify", release)[0] == 0
    assert "## Clusters" in (pool / "README.md").read_text()
    assert nt("verify", pool)[0] == 0
    # Not of a release that was not chosen by them.
    assert nt(*words, "random-100")[0] == 0
    assert "## Clusters" not in (release / "README.md").read_text()
