r"""Tell, line by line, which lines of a web page are the article and which are noise.

>>> from linesift import read_text
>>> read_text("Headline\n\nIt rained all day.").lines
('Headline', 'It rained all day.')
"""

from typing import TYPE_CHECKING, Any

from linesift.page import Markup, Page
from linesift.readers import ReadError, read_html, read_page, read_pages, read_text

if TYPE_CHECKING:
    from linesift.classifier import LineClassifier
    from linesift.frames import predict_frame
    from linesift.model import LineModel
    from linesift.model_file import ModelError, load_model, save_model

__all__ = [
    "LineClassifier",
    "LineModel",
    "Markup",
    "ModelError",
    "Page",
    "ReadError",
    "load_model",
    "predict_frame",
    "read_html",
    "read_page",
    "read_pages",
    "read_text",
    "save_model",
]

_LATE = {
    "LineClassifier": "linesift.classifier",
    "LineModel": "linesift.model",
    "ModelError": "linesift.model_file",
    "load_model": "linesift.model_file",
    "predict_frame": "linesift.frames",
    "save_model": "linesift.model_file",
}


def __getattr__(name: str) -> Any:
    """Import what is slow to import only when it is used: reading pages is not."""
    if name in _LATE:
        from importlib import import_module

        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
