"""Examples in docstrings run wherever the extras that they need are installed."""

from collections.abc import Iterable
from importlib.util import find_spec

import pytest

_NEEDS = {"scale.py": "datatrove"}


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Skip a module that cannot be imported here, also when it is asked for by name."""
    package = _NEEDS.get(collector.path.name)
    if package is None or find_spec(package) is not None:
        return

    def skip() -> Iterable[pytest.Item]:
        pytest.skip(f"needs the extra '{collector.path.stem}': pip install 'linesift[scale]'")

    collector.collect = skip  # type: ignore[method-assign]
