"""Track a training in MLflow: parameters, scores, figures, worst lines and the model.

The only module that knows MLflow. Runs go to a sqlite file by default. A fresh database
is made before anything runs side by side, because two processes that first touch one at
the same time ruin it.
"""

import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from linesift.evaluate import worst_lines  # noqa: E402  telemetry is set first
from linesift.labels import LABELS  # noqa: E402
from linesift.metrics import Estimate  # noqa: E402
from linesift.training import Training  # noqa: E402

PARENT = "LINESIFT_PARENT_RUN"
"""Environment variable that hands the run of a sweep on to its jobs."""

_OVERALL = ("line_f1", "character_f1")
_BOUNDS = "within_95_percent"


@dataclass(frozen=True)
class Tracker:
    """Where runs are tracked.

    Parameters
    ----------
    uri : str
        Tracking server or database, such as `sqlite:////path/mlflow.db`.
    artifacts : str
        Folder for the artifacts of a new experiment; a server ignores it.
    experiment : str
    registered_model : str or None
        Name in the model registry; None leaves the model out of it.
    alias : str
        Alias that the new version gets.
    port : int
        Of `mlflow ui`, for the link.
    """

    uri: str
    artifacts: str
    experiment: str = "linesift"
    registered_model: str | None = "linesift"
    alias: str = "candidate"
    port: int = 5000

    def open(self) -> str:
        """Connect and return the experiment's id, making database and experiment if needed."""
        import mlflow

        for name in ("mlflow", "alembic", "matplotlib"):
            logging.getLogger(name).setLevel(logging.WARNING)
        mlflow.set_tracking_uri(self.uri)
        experiment = mlflow.get_experiment_by_name(self.experiment)
        if experiment is None:
            location = self.artifacts if self.uri.startswith("sqlite:") else None
            mlflow.create_experiment(self.experiment, artifact_location=location)
        return str(mlflow.set_experiment(self.experiment).experiment_id)

    def open_sweep(self, name: str) -> str:
        """Begin the run that those of a sweep nest under; return its id."""
        import mlflow

        self.open()
        with mlflow.start_run(run_name=name, description="A sweep; its runs nest below.") as run:
            return str(run.info.run_id)

    def track(
        self,
        training: Training,
        settings: Mapping[str, Any],
        model_file: Path,
        *,
        name: str,
        description: str,
        commit: str,
    ) -> str:
        """Log a training as one run; return the link to it in the MLflow UI.

        Parameters
        ----------
        training : Training
        settings : mapping
            The composed configuration, nested.
        model_file : Path
            The saved model, which becomes part of the run.
        name, description : str
            Of the run.
        commit : str
            Of the code, from `git_commit`.
        """
        import mlflow

        experiment = self.open()
        parent = os.environ.get(PARENT)
        with mlflow.start_run(
            run_name=name, parent_run_id=parent, nested=parent is not None
        ) as run:
            mlflow.set_tags(
                {
                    "mlflow.note.content": description,
                    "git_commit": commit,
                    "data.train_digest": training.data.train.digest(),
                    "data.test_digest": training.report.digest,
                    "held_out": training.held_out,
                }
            )
            mlflow.log_params(_flat(settings))
            mlflow.log_metrics(run_metrics(training))
            self._log_pictures(training)
            self._log_model(model_file)
        base = (
            f"http://127.0.0.1:{self.port}" if "://" not in self.uri[:8] else self.uri.rstrip("/")
        )
        # Without the query the UI opens in its GenAI mode, where a newcomer sees no runs.
        page = f"{base}/#/experiments/{experiment}/runs/{run.info.run_id}"
        return f"{page}?workflowType=machine_learning"

    @staticmethod
    def _log_pictures(training: Training) -> None:
        import mlflow
        import pandas as pd

        from linesift.plots import draw

        for file, figure in draw(training.report, training.curve).items():
            mlflow.log_figure(figure, f"figures/{file}")
        for name, form in training.report.forms.items():
            rows = worst_lines(form, training.report.threshold)
            if rows:
                mlflow.log_table(pd.DataFrame(rows), f"worst_lines_{name}.json")
        reports = {r.system: r.to_dict() for r in (training.report, training.baseline)}
        mlflow.log_dict(reports, "scores.json")

    def _log_model(self, model_file: Path) -> None:
        import mlflow
        from mlflow import MlflowClient

        with tempfile.TemporaryDirectory() as folder:
            stored = Path(folder) / "model.safetensors"
            stored.write_bytes(model_file.read_bytes())
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(Path(__file__).with_name("mlflow_model.py")),
                artifacts={"model": str(stored)},
                pip_requirements=["linesift"],
                input_example=["Headline\nIt rained all day, they said.\nMenu"],
                registered_model_name=self.registered_model,
            )
        if self.registered_model is not None:
            MlflowClient().set_registered_model_alias(
                self.registered_model, self.alias, str(info.registered_model_version)
            )


def run_metrics(training: Training) -> dict[str, float]:
    """Return what a run is compared by: a dozen scores per form, each with its interval.

    The bounds stand in one section of their own, the last of the charts, so that scores
    stand beside scores. All other scores are in the run's `scores.json`.
    """
    scores: dict[str, Estimate] = {}
    for form, result in training.report.forms.items():
        overall = result.groups["all"]
        scores |= {f"{form}/{name}": overall[name] for name in _OVERALL}
        scores |= {f"{form}/label/{label}": overall[f"f1_{label}"] for label in LABELS}
        for group, values in result.groups.items():
            kind, _, language = group.partition(":")
            if kind == "language":
                scores[f"{form}/language/{language}"] = values["line_f1"]
    scores["baseline/line_f1"] = training.baseline.forms["text"].groups["all"]["line_f1"]
    metrics = {name: score.value for name, score in scores.items()}
    for name, score in scores.items():
        bound = f"{_BOUNDS}/{name.replace('/', '.')}"
        metrics[f"{bound}.low"], metrics[f"{bound}.high"] = score.low, score.high
    return metrics | {"threshold": training.report.threshold.line}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif not key.startswith("_"):
            flat[f"{prefix}{key}"] = value if isinstance(value, str) else json.dumps(value)
    return flat


def git_commit(repository: Path) -> str:
    """Return the commit of a checkout, marked if files differ from it; empty outside git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(repository), *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return f"{commit}-dirty" if git("status", "--porcelain", "-uno") else commit
    except (OSError, subprocess.CalledProcessError):
        return ""
