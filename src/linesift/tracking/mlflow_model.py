"""The model as MLflow stores and serves it: code that loads the model file of its run.

MLflow runs this file to load a model. A page comes in as text or HTML and goes out with
its article, its page type and a label and probability for each line; the parameter
`page_types` says of which types text is kept. A page that cannot be read goes out
without lines and with the reason: of a billion pages some are pictures, and the others go on.
"""

from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel
from pydantic import BaseModel

from linesift.labelling.labels import OWN_TEXT
from linesift.reading.page import Page
from linesift.reading.readers import ReadError, read_bytes


class PageLines(BaseModel):
    """What the model says of one page."""

    text: str
    page_type: str | None = None
    page_type_probability: float | None = None
    lines: list[str]
    labels: list[str]
    probabilities: list[float]
    error: str = ""


class LinesiftModel(PythonModel):
    """Pages in as strings, articles and labels out."""

    def load_context(self, context: Any) -> None:
        """Load the model file under the same checks as anywhere else."""
        from linesift.models.model_file import load_model

        self.model = load_model(context.artifacts["model"])

    def predict(
        self, model_input: list[str], params: dict[str, Any] | None = None
    ) -> list[PageLines]:
        """Return text, page type, labels and probabilities of each page."""
        from linesift.models.predict import predict_pages

        read = [_read(text) for text in model_input]
        wanted = (params or {}).get("page_types", OWN_TEXT)
        predictions = predict_pages(self.model, (page for page, _ in read), page_types=wanted)
        return [
            PageLines(
                text=prediction.text,
                **prediction.type_columns,
                lines=list(page.lines),
                labels=prediction.labels,
                probabilities=prediction.probabilities.tolist(),
                error=error,
            )
            for prediction, (page, error) in zip(predictions, read, strict=True)
        ]


def _read(text: str) -> tuple[Page, str]:
    """Return a page, or one without lines and why it could not be read."""
    try:
        return read_bytes(text.encode("utf-8", "replace")), ""
    except ReadError as error:
        return Page("", (), ()), str(error)


mlflow.models.set_model(LinesiftModel())
