"""Dependencies point one way, and what is heavy or reaches the network stays where it belongs."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "builders").rglob("*.py"))

# From the ground up: a module may import from lower layers, and from its own package.
LAYERS = [
    ["errors"],
    ["schema", "ids", "files", "traces", "tokens", "control_tokens", "licenses", "estimates"],
    ["endpoints", "prompts", "agreement", "words", "labellers"],
    ["embedders"],
    ["clusters"],
    ["sources", "pool", "selectors", "mixing"],
    ["configs", "card", "gather", "release"],
    ["writing", "labels", "selection", "sidecars", "embeddings"],
    ["manifest", "config_files", "pictures"],
    ["waiting", "ledger", "dedup"],
    ["importing", "annotating", "build", "listing", "generated", "judges", "golden", "clustering"],
    ["naturalness", "teachers", "decontaminate"],
    ["generating"],
    ["seconding"],
    ["judging"],
    ["label_quality", "reports"],
    ["hub"],
    ["cli"],
]
NETWORK = {"httpx", "requests", "urllib", "socket", "aiohttp"}
MAY_REACH_THE_NETWORK = {
    "sources/hub.py",
    "hub/remote.py",
    "tokens.py",
    "endpoints/client.py",
    "endpoints/addresses.py",  # only looks at them
    "embedders/endpoint.py",
}
HEAVY = {"torch", "transformers", "trl", "sklearn", "sentence_transformers", "matplotlib", "PIL"}
HEAVY |= {"hdbscan", "scipy"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def layer(module: str) -> int:
    (number,) = (n for n, names in enumerate(LAYERS) if module in names)
    return number


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_layers(path: Path) -> None:
    own = path.relative_to(ROOT / "builders").with_suffix("").parts[0]
    used = {name.split(".")[1] for name in imports(path) if name.startswith("builders.")}
    if own == "__init__":
        assert not used
        return
    for module in used - {own, "__version__"}:
        assert layer(module) < layer(own), f"{own} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_network_and_heavy_imports(path: Path) -> None:
    used = {name.split(".")[0] for name in imports(path)}
    if str(path.relative_to(ROOT / "builders")) not in MAY_REACH_THE_NETWORK:
        assert not used & NETWORK
    top_level = {
        name.split(".")[0]
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or node.names[0].name]
    }
    assert not top_level & (HEAVY | {"datasets", "huggingface_hub"})


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints_and_no_state_is_global(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if path.parent.name != "cli":
        assert "print" not in names
    assert not {"eval", "exec", "hash"} & names
    text = path.read_text()
    for state in ("np.random.", "random.seed(", "random.random()", "pickle"):
        assert state not in text


def test_recipes_and_builders_do_not_import_each_other() -> None:
    for path in (ROOT / "recipes").rglob("*.py"):
        assert not {name.split(".")[0] for name in imports(path)} & {"builders"}
    for path in MODULES:
        assert not {name.split(".")[0] for name in imports(path)} & {"recipes"}
