"""`nt annotate clusters`: find clusters of similar questions."""

import argparse
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from builders.cli.console import bar, count, quoted, show
from builders.cli.generate import at_least_one
from builders.errors import BadOption

if TYPE_CHECKING:
    from builders.clustering import OpenEmbedder
    from builders.clusters import Settings


def add_options(verb: argparse.ArgumentParser) -> None:
    """The options of clustering."""
    made = verb.add_argument_group("clusters, where no file is given")
    made.add_argument(
        "--embedder",
        default="lsa",
        metavar="NAME",
        help="'lsa' (words, TF-IDF and an SVD: offline, the default); a model by folder or Hub id, "
        "of sentence-transformers or a causal LM (its hidden states, averaged); or 'endpoint'",
    )
    made.add_argument("--revision", metavar="REV", help="of a model on the Hub")
    made.add_argument(
        "--max-tokens",
        type=count,
        default=512,
        metavar="N",
        help="of a question, that a causal LM reads (default 512)",
    )
    made.add_argument("--seed", type=count, default=0, metavar="N", help="default 0")
    made.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the cluster labels that the pool has; two clusterings do not go together",
    )
    where = verb.add_argument_group("--embedder endpoint")
    where.add_argument(
        "--base-url",
        action="append",
        default=[],
        metavar="URL",
        help="http://host:port of a server with the route /v1/embeddings; repeatable",
    )
    where.add_argument("--embedding-model", metavar="MODEL", help="its name there")
    where.add_argument(
        "--api-key-env",
        action="append",
        default=[],
        metavar="[HOST=]NAME",
        help="the environment variable with the key; no other key is ever sent, HF_TOKEN neither",
    )
    where.add_argument(
        "--concurrency", type=count, default=8, metavar="N", help="requests at once (default 8)"
    )
    where.add_argument(
        "--batch-size", type=count, default=64, metavar="N", help="texts of a request (default 64)"
    )
    where.add_argument(
        "--tries", type=count, default=5, metavar="N", help="of each request; a 429 is none (5)"
    )
    where.add_argument(
        "--patience",
        type=float,
        default=600.0,
        metavar="S",
        help="seconds that 429s or absence may last before the run ends (default 600)",
    )
    how = verb.add_argument_group("HDBSCAN")
    how.add_argument(
        "--dimensions",
        type=count,
        default=10,
        metavar="N",
        help="that principal components leave of a vector, 2 to 50 (default 10)",
    )
    how.add_argument(
        "--min-cluster-size", type=count, default=10, metavar="N", help="questions (default 10)"
    )
    how.add_argument(
        "--min-samples",
        type=count,
        default=5,
        metavar="N",
        help="neighbours that make a place dense; fewer of them, less noise (default 5)",
    )
    how.add_argument(
        "--largest",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="of the questions, that a cluster may have (default 0.1)",
    )
    how.add_argument(
        "--fit-on",
        type=count,
        default=100_000,
        metavar="N",
        help="fit on so many questions at most, a sample if there are more, and assign the others "
        "by a vote of their neighbours (default 100000)",
    )
    how.add_argument(
        "--neighbours", type=count, default=5, metavar="N", help="that vote (default 5)"
    )
    how.add_argument(
        "--backend",
        choices=("hdbscan", "cuml"),
        default="hdbscan",
        help="cuml: on an NVIDIA GPU, where RAPIDS is installed (not run by us yet)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Cluster, and say what was found."""
    from builders.clustering import cluster

    made = cluster(
        arguments.pool,
        opener_of(arguments),
        settings=settings_of(arguments),
        seed=arguments.seed,
        overwrite=arguments.overwrite,
        progress=lambda items, what: bar(arguments, items, what),
    )
    found = {"pool": str(arguments.pool), "annotation": "clusters", **made}
    return show(arguments, found, _words(arguments, made))


def opener_of(arguments: argparse.Namespace) -> "OpenEmbedder":
    """What makes the embedder, once the questions are known."""
    from builders.embedders import endpoint, lsa, models
    from builders.endpoints.addresses import addresses

    name = arguments.embedder
    if name == lsa.NAME:
        return lambda sample: lsa.lsa(sample.texts, seed=arguments.seed)
    if name != endpoint.NAME:
        return lambda sample: models.open_model(
            name, revision=arguments.revision, max_tokens=at_least_one(arguments, "max_tokens")
        )
    for option, value in (("base-url", "base_url"), ("embedding-model", "embedding_model")):
        if not getattr(arguments, value):
            raise BadOption(f"--{option} is missing: --embedder endpoint needs it")
    server = endpoint.Server(
        addresses(arguments.base_url, arguments.api_key_env, os.environ),
        arguments.embedding_model,
        arguments.revision,
        at_least_one(arguments, "batch_size"),
        at_least_one(arguments, "concurrency"),
        at_least_one(arguments, "tries"),
        arguments.patience,
    )
    return lambda sample: endpoint.endpoint(server)


def settings_of(arguments: argparse.Namespace) -> "Settings":
    """The options as settings.

    Raises:
        BadOption: a value makes no sense.
    """
    from builders.clusters import Settings

    bounds: Iterable[tuple[str, float, float]] = (
        ("dimensions", 2, 50),
        ("min_cluster_size", 2, 2**31),
        ("min_samples", 1, 1000),
        ("largest", 0.001, 1),
        ("fit_on", 100, 2**31),
        ("neighbours", 1, 1000),
    )
    for name, low, high in bounds:
        value = getattr(arguments, name)
        if not low <= value <= high:
            option = name.replace("_", "-")
            raise BadOption(f"--{option} {value}: must be from {low:,} to {high:,}")
    return Settings(**{name: getattr(arguments, name) for name in Settings._fields})


def _words(arguments: argparse.Namespace, made: dict[str, Any]) -> Iterator[str]:
    questions = made["questions"]
    yield (
        f"{arguments.pool}: {questions:,} questions in {made['clusters']:,} clusters, "
        f"{made['noise']:,} ({made['noise'] / questions:.0%}) noise; fitted on {made['fitted']:,}"
    )
    for row in made["table"][:10]:
        share = f"{row['questions'] / questions:.1%}"
        yield f"  {row['cluster']:>4}  {row['questions']:>9,} {share:>6}  {', '.join(row['terms'])}"
    if len(made["table"]) > 10:
        yield f"  and {len(made['table']) - 10:,} smaller ones"
    yield f"next: nt list --pool {quoted(arguments.pool)}"
