"""Save a model with its card, and load one that anybody may have written.

A model file is a zip archive in the format of skops: arrays and a description of
objects, no code. It is loaded against a fixed list of types, never the one that the
file asks for. The card beside it says with what it was trained and how well it does.
"""

import hashlib
import io
import json
import platform
import zipfile
import zlib
from collections.abc import Mapping
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from linesift.labels import LABELS, write_atomically
from linesift.model import LinePredictor

FORMAT = 3
"""Version of the file format; a file of another one is refused."""

_CARD = "card.json"
_LARGEST_FILE = 256 << 20
_DAMAGE = (zipfile.BadZipFile, zlib.error, KeyError, ValueError, RuntimeError, EOFError)
_TRUSTED = (
    "linesift.baselines.RunRule",
    "linesift.linear.HashedLinear",
    "linesift.model.LineClassifier",
    "linesift.network.Network",
    "numpy.dtype",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)


class ModelError(ValueError):
    """A file that is not a model that can be used here; the message says why."""


def make_card(model: LinePredictor, **facts: Any) -> dict[str, Any]:
    """Return what a model file says of itself.

    Parameters
    ----------
    model : LinePredictor
        Fitted.
    **facts
        Anything else known of it: digests of its data, scores, commit.
    """
    parameters = model.get_params() if isinstance(model, BaseEstimator) else {}
    packages = ("linesift", "scikit-learn", "numpy", "scipy", "skops")
    return {
        "format": FORMAT,
        "labels": list(LABELS),
        "thresholds": {name: list(value) for name, value in model.thresholds_.items()},
        "parameters": parameters,
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        **facts,
    }


def save_model(path: str | Path, model: LinePredictor, card: Mapping[str, Any]) -> None:
    """Write a fitted model and its card as one file, whole or not at all."""
    from skops.io import dumps

    data = io.BytesIO(dumps(model, compression=zipfile.ZIP_DEFLATED, compresslevel=9))
    with zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_CARD, json.dumps(card, indent=2, ensure_ascii=False, default=list))
    write_atomically(path, data.getvalue())


def load_model(path: str | Path | None = None) -> LinePredictor:
    """Return the model in a file; without one, the model that ships with the package.

    Parameters
    ----------
    path : str or Path, optional
        Written by `save_model`.

    Raises
    ------
    ModelError
        The file is missing or damaged, of another format or scikit-learn, or holds
        types that a model does not need.

    Examples
    --------
    >>> load_model("README.md")
    Traceback (most recent call last):
    linesift.model_file.ModelError: README.md: not a model file of linesift
    """
    from skops.io import loads
    from skops.io.exceptions import UntrustedTypesFoundException

    name, data = _read(path)
    _check_card(name, _card_of(name, data))
    try:
        model = loads(data, trusted=list(_TRUSTED))
    except UntrustedTypesFoundException as error:
        raise ModelError(f"{name}: holds types that no model needs; do not use it") from error
    except Exception as error:  # damaged files fail in any way at all
        raise ModelError(f"{name}: damaged model file ({type(error).__name__})") from error
    if not isinstance(model, LinePredictor) or not hasattr(model, "thresholds_"):
        raise ModelError(f"{name}: expected a fitted model of linesift")
    return model


def read_card(path: str | Path | None = None) -> dict[str, Any]:
    """Return the card of a model file, without loading the model."""
    name, data = _read(path)
    return _card_of(name, data)


def model_digest(path: str | Path | None = None) -> str:
    """Return the SHA-256 of a model file."""
    return hashlib.sha256(_read(path)[1]).hexdigest()


def _read(path: str | Path | None) -> tuple[str, bytes]:
    if path is None:
        shipped = resources.files("linesift") / "shipped.skops"
        if not shipped.is_file():
            raise ModelError(
                "no model ships with this copy of linesift; give one with --model, or train "
                "one with 'python train.py'"
            )
        return "the shipped model", shipped.read_bytes()
    try:
        if Path(path).stat().st_size > _LARGEST_FILE:
            raise ModelError(f"{path}: larger than any model file of linesift")
        return str(path), Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error


def _card_of(name: str, data: bytes) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            card = json.loads(archive.read(_CARD))
    except _DAMAGE as error:
        raise ModelError(f"{name}: not a model file of linesift") from error
    if not isinstance(card, dict):
        raise ModelError(f"{name}: not a model file of linesift")
    return card


def _check_card(name: str, card: Mapping[str, Any]) -> None:
    if card.get("format") != FORMAT:
        raise ModelError(
            f"{name}: expected format {FORMAT}, got {card.get('format')!r}; train it again"
        )
    ours = metadata.version("scikit-learn")
    versions = card.get("versions")
    theirs = str(versions.get("scikit-learn") if isinstance(versions, dict) else None)
    if ours.split(".")[:2] != theirs.split(".")[:2]:
        raise ModelError(
            f"{name}: trained with scikit-learn {theirs}, this is {ours}; train it again"
        )
