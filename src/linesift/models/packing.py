"""Up to four small whole numbers side by side in one of 64 bits: one sum for all of them.

A sum over the characters or tokens of many lines costs as much for four columns as for
one, and it is exact, so that no line's numbers depend on the lines beside it.
"""

import numpy as np
import numpy.typing as npt

FIELDS = 4
"""Numbers that stand side by side."""
_BITS = 16

Packed = npt.NDArray[np.int64]


def pack(columns: npt.ArrayLike) -> Packed:
    """Return whole numbers of shape (n_columns, n) as one number for each of n.

    Sums of the numbers of a column must stay below 32,768; `sums` sees to that.

    Raises
    ------
    ValueError
        There are more columns than `FIELDS`.
    """
    numbers = np.asarray(columns, np.int64)
    if len(numbers) > FIELDS:
        raise ValueError(f"expected up to {FIELDS} columns, got {len(numbers)}")
    return np.sum(numbers << (np.arange(len(numbers)) * _BITS)[:, None], axis=0)


def sums(
    packed: Packed, starts: npt.NDArray[np.int64], *, largest: int, n_columns: int
) -> npt.NDArray[np.int64]:
    """Return the sum of each column over each row, of shape (n_rows, n_columns).

    Parameters
    ----------
    packed : ndarray of shape (n,)
    starts : ndarray of shape (n_rows,)
        Where each row begins; it ends where the next one does.
    largest : int
        The largest number that a column holds, without its sign.
    n_columns : int

    Examples
    --------
    >>> packed = pack([[1, 2, 3], [-1, 0, -9]])
    >>> sums(packed, np.array([0, 2, 2]), largest=9, n_columns=2).tolist()
    [[3, -1], [0, 0], [3, -9]]
    """
    result = np.zeros((len(starts), n_columns), np.int64)
    sizes = np.diff(starts, append=len(packed))
    rows = np.flatnonzero(sizes)
    if len(rows):
        # Long rows are summed in parts, so that no column overflows into the next.
        most = (1 << _BITS - 1) // largest - 1
        parts = -(-sizes[rows] // most)
        ends = np.cumsum(parts)
        part = np.arange(ends[-1]) - np.repeat(ends - parts, parts)
        found = np.add.reduceat(packed, np.repeat(starts[rows], parts) + most * part)
        for column in range(n_columns):
            low = found.astype(np.int16)
            result[rows, column] = np.add.reduceat(low, ends - parts, dtype=np.int64)
            found = (found - low) >> _BITS
    return result
