"""Save a model with its card, and load one that anybody may have written.

A model file holds arrays and a description of what they are, in the format of safetensors:
nothing in it is code, and nothing in it names code. What is made of it is one of a few
types, each of which checks what it is given. The card says with what the model was trained
and how well it does. No file depends on the version of scikit-learn that fitted it.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import LABELS, write_atomically
from linesift.models.baselines import RunRule
from linesift.models.context import context_features
from linesift.models.features import LINE_FEATURES, MARKUP_FEATURES
from linesift.models.linear import HashedLinear
from linesift.models.model import LineModel
from linesift.models.network import Network
from linesift.models.pages import PageTypes, page_column_names
from linesift.models.prediction import LinePredictor
from linesift.models.site_model import SiteModel
from linesift.models.trees import Trees

FORMAT = 6
"""Version of the file format; a file of another one is refused."""

_ENTRY = "linesift"  # in the metadata
_SHIPPED = "shipped.safetensors"
_LARGEST_FILE = 256 << 20
_LARGEST_HEADER = 4 << 20  # what is read of it takes twenty times as much memory
_PIN = "#sha256="
_HEADER_SIZE = 8  # bytes that tell the length of the header
_TYPES = {
    kind.__name__: kind
    for kind in (HashedLinear, LineModel, Network, PageTypes, RunRule, SiteModel, Trees)
}

Arrays = dict[str, npt.NDArray[Any]]


class ModelError(ValueError):
    """A file that is not a model that can be used here; the message says why."""


def make_card(model: LinePredictor, **facts: Any) -> dict[str, Any]:
    """Return what a model file says of itself.

    Parameters
    ----------
    model : LinePredictor
        Fitted; the estimator, whose parameters the card tells.
    **facts
        Anything else known of it: digests of its data, scores, commit.
    """
    packages = ("linesift", "numpy", "scikit-learn", "scipy")
    return {
        "format": FORMAT,
        "labels": list(LABELS),
        "thresholds": {name: list(value) for name, value in model.thresholds_.items()},
        "parameters": model.get_params() if hasattr(model, "get_params") else {},
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        **facts,
    }


def save_model(path: str | Path, model: LinePredictor, card: Mapping[str, Any]) -> None:
    """Write a fitted model and its card as one file, whole or not at all.

    Parameters
    ----------
    path : str or Path
    model : LinePredictor
        A `LineModel`, a fitted `LineClassifier` or a rule.
    card : mapping
        From `make_card`.

    Raises
    ------
    ValueError
        The card is too large.
    """
    from safetensors.numpy import save

    arrays: Arrays = {}
    described = _described(getattr(model, "model_", model), "model", arrays)
    told = {"card": card, "columns": _columns(), "model": described}
    content = json.dumps(told, ensure_ascii=False, default=_plain)
    # One entry: the order of several is left to chance, and equal models are equal files.
    data = save(arrays, metadata={_ENTRY: f"{_digest(content, arrays)}\n{content}"})
    if _header_size(data) > _LARGEST_HEADER:
        raise ValueError(f"{path}: the card takes more than {_LARGEST_HEADER:,} bytes")
    write_atomically(path, data)


def load_model(path: str | Path | None = None) -> LinePredictor:
    """Return the model in a file; without one, the model that ships with the package.

    Parameters
    ----------
    path : str or Path, optional
        Written by `save_model`. With ``#sha256=`` and its digest behind the name, only that
        very file is loaded.

    Raises
    ------
    ModelError
        The file is missing, damaged, of another format, or not the one that was pinned.

    Examples
    --------
    >>> load_model("README.md")
    Traceback (most recent call last):
    linesift.models.model_file.ModelError: README.md: not a model file of linesift
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    name, data = _read(path)
    digest, content = _content_of(name, data)
    told = _told(name, content)
    found = told["card"].get("format")
    if found != FORMAT:
        raise ModelError(f"{name}: expected format {FORMAT}, got {found!r}; train it again")
    if told.get("columns") != _columns():
        raise ModelError(f"{name}: looks at other columns than this linesift; train it again")
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{name}: damaged model file") from error
    if digest != _digest(content, arrays):
        raise ModelError(f"{name}: damaged model file")
    try:
        model = _made(told["model"], arrays)
    except Exception as error:  # what a stranger wrote can be wrong in any way at all
        raise ModelError(f"{name}: not a model that this linesift can use: {error}") from error
    if not isinstance(model, LinePredictor):
        raise ModelError(f"{name}: expected a fitted model of linesift")
    return model


def _plain(value: Any) -> Any:
    """Return what JSON holds of a number of numpy, as searches over parameters give, or a list."""
    return value.item() if isinstance(value, np.generic) else list(value)


def _described(value: Any, name: str, arrays: Arrays) -> Any:
    """Return what JSON can hold of a value, and put its arrays beside."""
    if isinstance(value, np.ndarray):
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name}
    if type(value).__name__ in _TYPES:
        names = [field.name for field in fields(value)] if is_dataclass(value) else []
        inside = {n: _described(getattr(value, n), f"{name}.{n}", arrays) for n in names}
        return {"type": type(value).__name__, "fields": inside}
    if isinstance(value, Mapping):
        return {"mapping": {k: _described(v, f"{name}.{k}", arrays) for k, v in value.items()}}
    if isinstance(value, tuple):
        return [_described(one, f"{name}.{k}", arrays) for k, one in enumerate(value)]
    if value is None or isinstance(value, int | float | str):
        return value
    raise TypeError(f"{name}: a model file cannot hold {type(value).__name__}; is it fitted?")


def _made(described: Any, arrays: Arrays) -> Any:
    """Return what was described; only of the types that a model needs."""
    match described:
        case {"array": str(name)}:
            return arrays[name]
        case {"type": str(kind), "fields": dict(inside)}:
            return _TYPES[kind](**{name: _made(value, arrays) for name, value in inside.items()})
        case {"mapping": dict(inside)}:
            return {name: _made(value, arrays) for name, value in inside.items()}
        case list():
            return tuple(_made(one, arrays) for one in described)
        case None | int() | float() | str():
            return described
    raise ValueError(f"unknown description {str(described)[:40]!r}")


def _digest(content: str, arrays: Arrays) -> str:
    """Return the SHA-256 of all that a model file tells."""
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass"))
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(arrays[name].data)
    return digest.hexdigest()


def read_card(path: str | Path | None = None) -> dict[str, Any]:
    """Return the card of a model file, without loading the model."""
    name, data = _read(path)
    card: dict[str, Any] = _told(name, _content_of(name, data)[1])["card"]
    return card


def model_digest(path: str | Path | None = None) -> str:
    """Return the SHA-256 of a model file."""
    return hashlib.sha256(_read(path)[1]).hexdigest()


def _read(path: str | Path | None) -> tuple[str, bytes]:
    if path is None:
        shipped = resources.files("linesift") / _SHIPPED
        if not shipped.is_file():
            raise ModelError(
                "no model ships with this copy of linesift; give one with --model, or train "
                "one with 'python train.py'"
            )
        return "the shipped model", shipped.read_bytes()
    name, pinned, digest = str(path).partition(_PIN)
    try:
        if Path(name).stat().st_size > _LARGEST_FILE:
            raise ModelError(f"{name}: larger than any model file of linesift")
        data = Path(name).read_bytes()
    except OSError as error:
        raise ModelError(f"{name}: {error.strerror}") from error
    if pinned and digest.lower() != (found := hashlib.sha256(data).hexdigest()):
        raise ModelError(f"{name}: expected the file with SHA-256 {digest}, got {found}")
    return name, data


def _header_size(data: bytes) -> int:
    return int.from_bytes(data[:_HEADER_SIZE], "little")


def _content_of(name: str, data: bytes) -> tuple[str, str]:
    """Return the digest in the header of the file, and what it tells beside its arrays."""
    size = _header_size(data)
    if size <= min(len(data) - _HEADER_SIZE, _LARGEST_HEADER):
        try:
            header = json.loads(data[_HEADER_SIZE : _HEADER_SIZE + size])
            digest, _, content = header["__metadata__"][_ENTRY].partition("\n")
            return digest, content
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
    raise ModelError(f"{name}: not a model file of linesift")


def _told(name: str, content: str) -> dict[str, Any]:
    """Return card, columns and description of the model."""
    try:
        told = json.loads(content)
        if isinstance(told["card"], dict) and "model" in told:
            return dict(told)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise ModelError(f"{name}: not a model file of linesift")


@cache
def _columns() -> str:
    """Return a digest of the columns that models look at, by name and in order."""
    names = [*LINE_FEATURES, *MARKUP_FEATURES, *context_features(), *page_column_names()]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
