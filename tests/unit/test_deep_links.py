"""Links that open a tab with its task and example."""

import pytest

from ui import deep_links


@pytest.mark.parametrize("example, index", [
    ("1", 0), ("3", 2), ("0", None), ("4", None), ("-1", None), ("", None), ("x", None), ("1.0", None), ("²", None), ("9" * 5000, None),
])  # fmt: skip
def test_an_example_in_a_link_is_one_of_the_list_or_none(example, index):
    assert deep_links._index({"example": example}, 3) == index and deep_links._index({}, 3) is None
