"""Data cards: the README.md of a release from its manifest alone, and that of a pool.

The templates lie in `dataset_cards/`. They are strict: a value that is missing is an error, and
what comes from data is escaped, so that no question can put Markdown or HTML into the page.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from builders.files import written_whole
from builders.ids import content_id
from builders.licenses import Licensing, licensing
from builders.pool import Pool
from builders.schema import KEYS, PUBLISHED, TABLES, arrow_schema
from builders.sources import DROP_REASONS, UNKNOWN

BENCHMARK = "benchmark"
"""The folder of held-out problems that the synthetic demo brings, a file for each split."""

NOTES = (
    "<!-- your notes: what you write between these two lines, here or on the Hub, is kept -->",
    "<!-- end of your notes -->",
)
"""The lines of a card between which people write; everything else is made from the manifest."""

_DEFAULTS = ("disagree-10k", "strategies-10k", "random-10k")
"""What is loaded when no config is named, the paper's best at 10k first; else the first config."""

_EXCERPT = 600  # characters of each text in the card's sample row
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # a NUL makes a file binary; escapes command a terminal
    "\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"  # marks that turn the direction of writing
)
_SIZE_CATEGORIES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


def render_release_card(manifest: Mapping[str, Any]) -> str:
    """The data card of a release: YAML that `load_dataset` reads, then Markdown for people."""
    families: dict[str, list[Any]] = {}
    for config in manifest["configs"]:
        families.setdefault(config["family"], []).append(config)
    return _render(
        "release.md.jinja",
        metadata=_release_metadata(manifest),
        configs=manifest["configs"],
        families=families,
        manifest=manifest,
        sample=manifest["sample"],
        drop_reasons=DROP_REASONS,
        unknown=UNKNOWN,
        choices=_choices(manifest["configs"]),
        default=_default(manifest["configs"]),
        licensing=release_licensing(manifest),
        published=manifest.get("published"),
        ledger=manifest["pool"].get("ledger", []),
        judges=manifest["pool"].get("judges", []),
        label_quality=manifest["pool"].get("label_quality", []),
        duplicates=manifest["pool"]["excluded"].get("duplicates"),
        contamination=manifest["pool"]["excluded"].get("contamination"),
        notes=NOTES,
    )


def release_licensing(manifest: Mapping[str, Any]) -> Licensing:
    """The licences of the sources of which a config has rows."""
    used = {source for config in manifest["configs"] for source in config["sources"]}
    sources = manifest["pool"]["sources"]
    return licensing(one["license"] for one in sources if one["source"] in used)


def _default(configs: list[dict[str, Any]]) -> str:
    names = [config["name"] for config in configs]
    return next((name for name in _DEFAULTS if name in names), names[0])


def _choices(configs: list[dict[str, Any]]) -> dict[str, str]:
    """What is the paper's and what is ours, of each selector and each way of mixing, once."""
    choices = {}
    for config in configs:
        choices[f"selector {config['selector']['name']}"] = config["selector"]["about"]
        choices[f"mixing {config['mixing']['rule']}"] = config["mixing"]["about"]
    return choices


def render_pool_card(pool: Pool) -> str:
    """The data card of a pool, from its manifest and the number of rows in its shards."""
    tables = {table: pool.num_rows(table) for table in TABLES}
    splits = sorted(path.stem for path in (pool.folder / BENCHMARK).glob("*.parquet"))
    configs = [
        _loadable(table, f"{table}/*.parquet", [path.name for path in pool.shards(table)])
        for table in tables
    ]
    configs[list(tables).index("traces")]["default"] = True
    if splits:
        files = [{"split": s, "path": f"{BENCHMARK}/{s}.parquet"} for s in splits]
        configs.append(_loadable(BENCHMARK, files, splits))
    published = pool.manifest.get("published")
    about: dict[str, Any] = {}
    if published:  # before, it grows, and is not for others to find
        about = {
            **licensing(pool.licenses()).metadata,
            "language": published["language"],
            "pretty_name": "NaturalThoughts, the pool",
            "task_categories": ["text-generation"],
            "size_categories": [_size(tables["traces"])],
            "dataset_info": [{"config_name": one["config_name"]} for one in configs],
        }
        _name_release(configs, about["dataset_info"], published)
    return _render(
        "pool.md.jinja",
        metadata=_metadata(
            configs=configs,
            tags=["reasoning", "naturalthoughts", "pool"],
            **about,
        ),
        published=published,
        notes=NOTES,
        manifest=pool.manifest,
        ledger=pool.manifest.get("ledger", []),
        judges=pool.manifest.get("judges", []),
        label_quality=pool.manifest.get("label_quality", []),
        tables=tables,
        keys=KEYS,
        annotations=pool.annotations(),
        clusters=pool.made("clusters"),
        benchmark=splits,
        columns={name: TABLES[name] for name in tables},
    )


def _name_release(
    configs: list[dict[str, Any]], infos: list[dict[str, Any]], published: Mapping[str, Any] | None
) -> None:
    """Let what is loaded name its release, as `info.version` and `info.description`.

    `load_dataset` ignores the revision that it is asked for when it falls back to its cache: only
    the rows themselves can then tell which release they are of.
    """
    if published:
        for config in configs:
            config["version"] = published["version"]
        for info in infos:
            info["description"] = f"{published['repo']} {published['tag']}"


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZE_CATEGORIES if rows < limit), "n>10M")


def write_pool_card(pool: Pool) -> None:
    """Write the card of a pool, by which `load_dataset` finds its tables."""
    with written_whole(pool.folder / "README.md") as path:
        path.write_text(render_pool_card(pool), "utf-8")


def _release_metadata(manifest: Mapping[str, Any]) -> str:
    from datasets import DatasetInfo, Features, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    features = Features.from_arrow_schema(arrow_schema(PUBLISHED))
    infos = {}
    for config in manifest["configs"]:
        split = SplitInfo("train", config["num_bytes"], config["rows"])
        infos[config["name"]] = DatasetInfo(
            features=features,
            splits=SplitDict({"train": split}),
            download_size=config["download_size"],
            dataset_size=config["num_bytes"],
        )
    described = DatasetCardData()
    DatasetInfosDict(infos).to_dataset_card_data(described)
    # A single config is written as a mapping, several as a list.
    loaded = described["dataset_info"]
    published = manifest.get("published")
    default = _default(manifest["configs"])
    configs = []
    for config in manifest["configs"]:
        files = [{"split": "train", "path": f"{config['name']}/train-*.parquet"}]
        hashes = [file["sha256"] for file in config["files"]]
        configs.append(_loadable(config["name"], files, hashes))
        if config["name"] == default:
            configs[-1]["default"] = True
    _name_release(configs, [loaded] if isinstance(loaded, dict) else loaded, published)
    return _metadata(
        pretty_name="NaturalThoughts",
        **release_licensing(manifest).metadata,
        language=published["language"] if published else None,
        task_categories=["text-generation"],
        tags=["reasoning", "chain-of-thought", "distillation", "naturalthoughts"],
        size_categories=[_size(sum(config["rows"] for config in manifest["configs"]))],
        configs=configs,
        dataset_info=loaded,
    )


def _loadable(name: str, data_files: Any, identities: list[str]) -> dict[str, Any]:
    """One entry of the card's `configs:`.

    `load_dataset` keeps what it loaded under a hash of this entry, not of the files: without an
    identity in it, a folder may give the rows that it, or another of its name, had before.
    """
    return {
        "config_name": name,
        "data_files": data_files,
        "description": f"fingerprint {content_id(*identities)}",
    }


def _metadata(**fields: Any) -> str:
    from huggingface_hub import DatasetCardData

    yaml: str = DatasetCardData(**fields).to_yaml()
    return yaml.strip()


def _render(template: str, **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_templates()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML: `inline` and `fenced` below escape what is data
    )
    environment.filters |= {"n": _number, "inline": inline, "fenced": _fenced, "percent": _percent}
    return environment.get_template(template).render(**values)


def _templates() -> Path:
    """The card templates: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "dataset_cards"
    return installed if installed.is_dir() else package.parent / "dataset_cards"


def _number(value: float) -> str:
    return f"{value:,}"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def inline(text: Any) -> str:
    """Data as literal text within a line or a table cell."""
    flat = " ".join(_visible(str(text)).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = flat.replace("://", "&#58;//")  # an address would become a link
    return re.sub(r"([\\`*_{}\[\]|~$])", r"\\\1", flat)


def _visible(text: str) -> str:
    """Data without what a page, a terminal or git takes for more than a character."""
    return _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", "\n".join(text.splitlines()))


def _fenced(text: str) -> str:
    """Data as a code block, behind a fence longer than any that it contains."""
    shown = _visible(text[:_EXCERPT]) + (" […]" if len(text) > _EXCERPT else "")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"
