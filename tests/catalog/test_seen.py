"""Keys that were there before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalapp.catalog.domain import seen_keys
from evalapp.catalog.domain.seen_keys import SeenKeys


@given(keys=st.lists(st.text("abc", max_size=3)))
def test_it_agrees_with_a_plain_set(keys: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen_keys, "_MOST_RECENT", 4)
        ours, plain = SeenKeys(), set[str]()
        for key in keys:
            assert ours.add_key(key) == (key not in plain)
            plain.add(key)
