import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.errors import BadOption
from builders.tokens import load_tokenizer

_DEFINITION = re.compile(r"[A-Za-z\x80-\U0010ffff]+|[^\s\x00A-Za-z\x80-\U0010ffff]")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), max_size=6))
def test_words_are_runs_of_letters_and_single_others(texts: list[str]) -> None:
    counted = load_tokenizer("words").count(pa.array(texts, pa.string())).to_pylist()
    # Like the definition, without Unicode's own white space, which counts as letters.
    assert counted == [len(_DEFINITION.findall(re.sub(r"[^\S ]", "é", text))) for text in texts]


def test_words_of_a_slice() -> None:
    texts = pa.array(["a b c", "12", "", "x+y"])[1:]
    assert load_tokenizer().count(texts).to_pylist() == [2, 0, 3]


def test_a_tokenizer_file_counts_and_is_named(tmp_path: Path) -> None:
    import tokenizers

    words = tokenizers.models.WordLevel({"[UNK]": 0, "two": 1}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(words)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_truncation(2)  # a length limit of the model is none of the count's
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    for name in (str(tmp_path), str(tmp_path / "tokenizer.json")):
        loaded = load_tokenizer(name)
        assert loaded.name == tmp_path.name  # names are published: without the folders
        assert loaded.revision == load_tokenizer(str(tmp_path)).revision
        assert loaded.count(pa.array(["one two three", ""])).to_pylist() == [3, 0]


def test_unknown_tokenizers_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="no-such/tokenizer"):
        load_tokenizer("no-such/tokenizer")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BadOption, match=r"not a tokenizer\.json"):
        load_tokenizer(str(tmp_path))
