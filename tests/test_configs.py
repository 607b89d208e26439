import pytest

from builders.configs import FAMILIES, parse_config, published
from builders.errors import UnknownConfig
from builders.selectors import SELECTORS

PAPER = [
    *("random-1k", "random-10k", "random-100k", "random-500k"),
    *("disagree-1k", "disagree-10k", "disagree-100k", "disagree-500k"),
    *("strategies-1k", "strategies-10k", "strategies-100k", "strategies-500k"),
    *("topics-10k", "semantic-10k", "long-10k", "verbose-10k", "concise-10k"),
    *("mix-p20-10k", "mix-p40-10k", "mix-p60-10k", "mix-difficulty-10k", "system1-10k"),
]


def test_the_published_configs() -> None:
    names = [config.name for config in published()]
    assert len(names) == len(set(names))
    for name in PAPER:
        assert name in names
    assert {config.selector for config in published()} == set(SELECTORS)


@pytest.mark.parametrize(
    ("name", "size"), [("random-1k", 1000), ("mix-p40-10k", 10_000), ("long-37", 37)]
)
def test_any_size_can_be_named(name: str, size: int) -> None:
    assert parse_config(name).size == size


def test_what_a_mix_needs_besides_its_selector() -> None:
    assert parse_config("mix-difficulty-10k").needs == ("models_disagree", "disagreement")
    assert parse_config("random-10k").needs == ()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("disagre-10k", "did you mean 'disagree-10k'"),
        ("topic-1k", "did you mean 'topics-1k'"),
        ("mix-p30-10k", "did you mean 'mix-p"),
        ("random", "did you mean 'random-10k'"),
        ("random-0k", "<family>-<size>"),
        ("random-1.5k", "<family>-<size>"),
        ("../random-1k", "<family>-<size>"),
        ("random/1k", "<family>-<size>"),
        ("..", "families: random"),
        ("", "families: random"),
        ("random-1k\n", "<family>-<size>"),
    ],
)
def test_another_name_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(UnknownConfig) as error:
        parse_config(name)
    assert hint in str(error.value)


def test_every_family_says_what_it_is_for() -> None:
    assert all(family.purpose and family.not_for for family in FAMILIES.values())
