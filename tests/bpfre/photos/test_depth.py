"""Ten and twelve bits through sixteen and back."""

from __future__ import annotations

import numpy as np
import pytest

from bpfre.photos.depth import narrowed, widened


@pytest.mark.parametrize("bits", [10, 12])
def test_every_value_survives(bits: int) -> None:
    values = np.arange(2**bits, dtype=np.uint16)
    wide = widened(values, bits)
    assert (wide[0], wide[-1], wide.dtype) == (0, 65535, np.uint16)
    assert (np.diff(wide.astype(int)) > 0).all()
    np.testing.assert_array_equal(narrowed(wide, bits), values)
