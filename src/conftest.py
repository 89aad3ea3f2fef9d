"""Examples in docstrings run wherever the extras that they need are installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("datatrove") else ["linesift/scale.py"]
