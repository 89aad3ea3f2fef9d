"""What a record of arrays must hold, checked where it is made: files come from anybody."""

from typing import Any

import numpy as np

_LARGEST = 1e6


def check_arrays(record: object, **expected: tuple[Any, ...]) -> dict[str, int]:
    """Return the sizes of the named dimensions of a record's arrays.

    Parameters
    ----------
    record : object
        Holds the arrays as attributes.
    **expected : tuple
        For each array its type, then its dimensions: a number, or a name that stands for
        the same number wherever it occurs.

    Raises
    ------
    ValueError
        An array has another type or shape, or holds numbers that are not finite.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> record = SimpleNamespace(weights=np.ones((2, 3)), bias=np.ones(3))
    >>> check_arrays(record, weights=(np.float64, "rows", 3), bias=(np.float64, 3))
    {'rows': 2}
    """
    sizes: dict[str, int] = {}
    for name, (dtype, *dimensions) in expected.items():
        array = getattr(record, name)
        where = f"{type(record).__name__}.{name}"
        if not isinstance(array, np.ndarray) or array.dtype != dtype:
            found = getattr(array, "dtype", type(array).__name__)
            raise ValueError(f"{where}: expected {np.dtype(dtype)}, got {found}")
        if array.ndim != len(dimensions):
            raise ValueError(f"{where}: expected {len(dimensions)} dimensions, got {array.ndim}")
        for dimension, size in zip(dimensions, array.shape, strict=True):
            wanted = sizes.setdefault(dimension, size) if isinstance(dimension, str) else dimension
            if size != wanted:
                raise ValueError(f"{where}: expected size {wanted} ({dimension}), got {size}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{where}: holds numbers that are not finite")
    return sizes


def check_bounded(record: object, *names: str) -> None:
    """Raise a ValueError where an array holds numbers that no training comes near.

    What is computed from numbers within the bound stays finite, and a judgement that is
    not a number would pass for one.
    """
    for name in names:
        if (np.abs(getattr(record, name)) > _LARGEST).any():
            where = f"{type(record).__name__}.{name}"
            raise ValueError(f"{where}: expected numbers up to {_LARGEST:,.0f}")
