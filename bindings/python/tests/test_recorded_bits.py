"""The library computes the bits that were recorded; where they change, CHANGELOG says why (recorded_bits.py)."""

from __future__ import annotations

import pytest

from recorded_bits import computed_on, recorded
from test_bits_instruction_sets import AVAILABLE


@pytest.mark.parametrize("instruction_set", AVAILABLE)
def test_the_bits_of_every_configuration_are_the_recorded_ones(instruction_set: str) -> None:
    found, known = computed_on(instruction_set), recorded(instruction_set)
    assert len(known) > 400
    assert found.keys() == known.keys()
    assert {name for name in known if found[name] != known[name]} == set()
