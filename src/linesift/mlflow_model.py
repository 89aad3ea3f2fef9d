"""The model as MLflow stores and serves it: code that loads the skops file of its run.

MLflow runs this file to load a model. A page comes in as text or HTML and goes out with
its article and a label and probability for each line.
"""

from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel
from pydantic import BaseModel


class PageLines(BaseModel):
    """What the model says of one page."""

    text: str
    lines: list[str]
    labels: list[str]
    probabilities: list[float]


class LinesiftModel(PythonModel):
    """Pages in as strings, articles and labels out."""

    def load_context(self, context: Any) -> None:
        """Load the model file under the same checks as anywhere else."""
        from linesift.model_file import load_model

        self.model = load_model(context.artifacts["model"])

    def predict(self, model_input: list[str]) -> list[PageLines]:
        """Return text, labels and probabilities of each page."""
        from linesift.predict import predict_pages
        from linesift.readers import read_bytes

        pages = (read_bytes(text.encode("utf-8", "replace")) for text in model_input)
        return [
            PageLines(
                text=page.text,
                lines=list(page.page.lines),
                labels=page.labels,
                probabilities=page.probabilities.tolist(),
            )
            for page in predict_pages(self.model, pages)
        ]


mlflow.models.set_model(LinesiftModel())
