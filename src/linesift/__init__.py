r"""Tell, line by line, which lines of a web page are the article and which are noise.

>>> from linesift import read_text
>>> read_text("Headline\n\nIt rained all day.").lines
('Headline', 'It rained all day.')
"""

from typing import TYPE_CHECKING, Any

from linesift.reading.page import Markup, Page
from linesift.reading.readers import ReadError, read_html, read_page, read_pages, read_text

if TYPE_CHECKING:
    from linesift.crawling.frames import predict_frame
    from linesift.models.model import LineModel
    from linesift.models.model_file import ModelError, load_model, save_model
    from linesift.training.classifier import LineClassifier

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
    "LineClassifier": "linesift.training.classifier",
    "LineModel": "linesift.models.model",
    "ModelError": "linesift.models.model_file",
    "load_model": "linesift.models.model_file",
    "predict_frame": "linesift.crawling.frames",
    "save_model": "linesift.models.model_file",
}


def __getattr__(name: str) -> Any:
    """Import what is slow to import only when it is used: reading pages is not."""
    if name in _LATE:
        from importlib import import_module

        return getattr(import_module(_LATE[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("linesift")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return what there is to use, imported yet or not, and nothing that is only imported here."""
    inherent = [name for name in globals() if name.startswith("__")]
    return sorted({*inherent, *__all__, "__version__"})
