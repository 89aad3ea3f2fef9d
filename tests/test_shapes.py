from dataclasses import dataclass

import numpy as np
import pytest

from linesift.models.shapes import check_arrays


@dataclass
class Record:
    weights: object
    bias: object


GOOD = Record(np.ones((2, 3), np.float32), np.ones(3, np.float32))
EXPECTED = {"weights": (np.float32, "rows", 3), "bias": (np.float32, "rows + 1")}


def test_sizes_of_named_dimensions_come_back():
    assert check_arrays(GOOD, **EXPECTED) == {"rows": 2, "rows + 1": 3}


@pytest.mark.parametrize(
    ("record", "expected", "message"),
    [
        (Record([[1.0]], GOOD.bias), EXPECTED, "weights: expected float32, got list"),
        (Record(np.ones((2, 3)), GOOD.bias), EXPECTED, "weights: expected float32, got float64"),
        (Record(GOOD.bias, GOOD.bias), EXPECTED, "weights: expected 2 dimensions, got 1"),
        (Record(GOOD.weights.T, GOOD.bias), EXPECTED, "weights: expected size 3 .3., got 2"),
        (
            GOOD,
            {"weights": (np.float32, "n", "m"), "bias": (np.float32, "n")},
            "bias: expected size 2 .n., got 3",
        ),
        (Record(GOOD.weights * np.nan, GOOD.bias), EXPECTED, "weights: holds numbers that are not"),
        (Record(GOOD.weights * np.inf, GOOD.bias), EXPECTED, "weights: holds numbers that are not"),
    ],
)
def test_what_does_not_fit_is_named(record, expected, message):
    with pytest.raises(ValueError, match=f"Record.{message}"):
        check_arrays(record, **expected)
