import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from builders.ids import as_numbers, content_id, uniform


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=3))
def test_ids_tell_apart_where_the_parts_meet(parts: list[str]) -> None:
    joined = content_id("".join(parts))
    assert content_id(*parts) != joined
    assert len(joined) == 16
    assert int(as_numbers(pa.chunked_array([[joined]]))[0]) == int(joined, 16)


def test_ids_do_not_change_between_versions() -> None:
    # Published ids and ranks depend on these values.
    assert content_id("What is 2 + 2?") == "4128fedc6bf8adb6"
    assert uniform(["4128fedc6bf8adb6"], seed=0).tolist() == [0.6101034505551259]


def test_uniform_numbers_are_uniform_and_independent() -> None:
    ids = [content_id(str(number)) for number in range(20_000)]
    numbers = [
        uniform(ids, seed=0),
        uniform(ids, seed=1),
        uniform(ids, seed=0, decision="mode"),
    ]
    for u in numbers:
        assert ((u > 0) & (u < 1)).all()
        counts, _ = np.histogram(u, bins=10, range=(0, 1))
        assert (np.abs(counts - 2000) < 6 * np.sqrt(2000 * 0.9)).all()
    correlation = np.corrcoef(numbers)
    assert (np.abs(correlation[np.triu_indices(3, 1)]) < 5 / np.sqrt(20_000)).all()
    assert (uniform(ids[::-1], seed=0)[::-1] == numbers[0]).all()
