"""Track a training in MLflow: what it is in words, settings, scores, figures and the model.

This module writes what `tracked_runs` and `registry` read; no other one knows MLflow. Runs
go to a sqlite file by default. A fresh one gets its name only once it is whole: two processes
that first touch a database at the same time, or one that is killed while it makes the tables,
would ruin it.
"""

import contextlib
import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from linesift.labelling.labels import LABELS, OWN_TEXT  # noqa: E402
from linesift.scoring.evaluate import worst_lines  # noqa: E402  telemetry is set first
from linesift.scoring.metrics import Estimate  # noqa: E402
from linesift.tracking.notes import notes  # noqa: E402
from linesift.training.train import ERRORS, Training  # noqa: E402

PARENT = "LINESIFT_PARENT_RUN"
"""Environment variable that hands the run of a sweep on to its jobs."""

CHANGED = "changed"
"""Tag that holds the settings of a run that differ from the default ones."""

SCORED_ON = "data.test_digest"
"""Tag that holds a digest of the pages that the scores of a run are of."""

TRAINED_ON = "pages.trained_on"
"""Parameter that holds the number of pages a run learned from."""

BASELINE = "untuned_rule/line_f1"
"""Metric of the rule to beat; named so that its chart stands below those of the model."""

_OVERALL = ("line_f1", "character_f1")
_BOUNDS = "within_95_percent"
_EXAMPLE = [
    "Headline\nIt rained all day, they said.\nMenu",
    "<!doctype html><nav>Menu</nav><p>It rained all day, they said.</p>",
]  # a page as text, one as HTML
_PARAMETERS = {"page_types": list(OWN_TEXT)}  # and the values that they have by default
_NOT_SETTINGS = ("paths", "tracking", "name", "description")  # where things lie, and words
_DIGITS = 4  # of a score; MLflow shows all there are

VIEW = "scores"
"""Name of the view of the runs table that links open."""

_COLUMNS = {
    f"tags.`{CHANGED}`": 230,
    f"params.`{TRAINED_ON}`": 130,
    "metrics.`text/line_f1`": 110,
    "metrics.`text/character_f1`": 140,
    "metrics.`text/label/related`": 140,
    "metrics.`markup/line_f1`": 130,
    "attributes.`Description`": 320,
}
"""Columns of that view with their widths: without it the table shows no score at all."""


class Links(NamedTuple):
    """Where a tracked run is to be seen in the MLflow UI.

    Parameters
    ----------
    runs : str
        All runs of its experiment, with the columns that matter.
    run : str
        The run.
    """

    runs: str
    run: str


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

        _be_quiet()
        # A server that is gone would be asked for minutes; one that is restarted gets seconds.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        database = _database(self.uri)
        if database is not None and not database.exists():
            _make_database(database, self.artifacts)
        mlflow.set_tracking_uri(self.uri)
        if mlflow.get_experiment_by_name(self.experiment) is None:
            location = self.artifacts if database is not None else None
            try:
                mlflow.create_experiment(self.experiment, artifact_location=location)
            except mlflow.MlflowException:
                if mlflow.get_experiment_by_name(self.experiment) is None:
                    raise  # it was not another training that made it in between
        found = mlflow.set_experiment(self.experiment)
        mlflow.set_experiment_tags(_view_tags())
        return str(found.experiment_id)

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
        changed: Sequence[str] = (),
    ) -> Links:
        """Log a training as one run; return where it is to be seen in the MLflow UI.

        Parameters
        ----------
        training : Training
        settings : mapping
            The composed configuration, nested.
        model_file : Path
            The saved model, which becomes part of the run.
        name : str
            Of the run.
        description : str
            What it was made for.
        commit : str
            Of the code, from `git_commit`.
        changed : sequence of str
            Settings that differ from the default ones, as `name=value`.
        """
        import mlflow

        experiment = self.open()
        parent = os.environ.get(PARENT)
        with mlflow.start_run(
            run_name=name, parent_run_id=parent, nested=parent is not None
        ) as run:
            mlflow.set_tags(
                {
                    "mlflow.note.content": notes(
                        training, question=description, changed=changed, commit=commit
                    ),
                    CHANGED: " ".join(changed),
                    "git_commit": commit,
                    "data.train_digest": training.data.train.digest(),
                    SCORED_ON: training.report.digest,
                    "held_out": training.held_out,
                }
            )
            mlflow.log_params(_settings(settings, training))
            mlflow.log_metrics(run_metrics(training))
            self._log_pictures(training)
            self._log_model(model_file)
        return self._links(experiment, str(run.info.run_id))

    def _links(self, experiment: str, run: str) -> Links:
        is_server = self.uri.startswith(("http://", "https://"))  # the rest may hold a password
        base = self.uri.rstrip("/") if is_server else f"http://127.0.0.1:{self.port}"
        page = f"{base}/#/experiments/{experiment}/runs"
        # Without the query the UI opens in its GenAI mode, where a newcomer sees no runs.
        mode = "workflowType=machine_learning"
        return Links(f"{page}?{mode}&viewStateShareKey={VIEW}", f"{page}/{run}?{mode}")

    @staticmethod
    def _log_pictures(training: Training) -> None:
        import mlflow

        from linesift.scoring.plots import draw

        for file, figure in draw(training.report, training.curve).items():
            mlflow.log_figure(figure, f"figures/{file}")
        for name, form in training.report.forms.items():
            rows = worst_lines(form)
            if rows:
                mlflow.log_text(_as_text(rows), f"worst_lines_{name}.txt")
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
                input_example=(_EXAMPLE, _PARAMETERS),
                registered_model_name=self.registered_model,
            )
        if self.registered_model is not None:
            MlflowClient().set_registered_model_alias(
                self.registered_model, self.alias, str(info.registered_model_version)
            )


def _as_text(worst: Sequence[Mapping[str, Any]]) -> str:
    """Return wrong lines for eyes: the UI cuts the cells of a table, and not a text."""
    heads = {"probability": "of content", "true": "is", "given": "taken for", "page": "page:line"}
    rows = [
        {**row, "probability": f"{row['probability']:.3f}", "page": f"{row['page']}:{row['line']}"}
        for row in worst
    ]
    width = {name: max(len(str(row[name])) for row in [heads, *rows]) for name in heads}
    return "".join(
        "  ".join(str(row[name]).ljust(width[name]) for name in heads) + f"  {row['text']}\n"
        for row in [heads | {"text": "text"}, *rows]
    )


def connect(uri: str) -> Any:
    """Return an MLflow client of a store that is there.

    Raises
    ------
    FileNotFoundError
        The database is not there; MLflow itself would make an empty one.
    """
    import mlflow

    _be_quiet()
    # A server that is not there would be asked for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    path = _database(uri)
    if path is not None and not path.is_file():
        raise FileNotFoundError(
            f"{path}: no tracked runs; train with 'python train.py' in this folder, "
            "or name another store with --tracking-uri"
        )
    mlflow.set_tracking_uri(uri)  # a client alone would look up models in the default store
    return mlflow.MlflowClient()


def _database(uri: str) -> Path | None:
    """Return the file of a store that is a sqlite database."""
    path = uri.removeprefix("sqlite:///")
    return Path(path) if path != uri else None


def _make_database(path: Path, artifacts: str) -> None:
    """Make a database that is whole as soon as it has its name; another process may be first."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        made = Path(folder) / path.name
        store = SqlAlchemyStore(f"sqlite:///{made}", artifacts)
        store.engine.dispose()
        with contextlib.suppress(FileExistsError):
            os.link(made, path)


def _be_quiet() -> None:
    for name in ("mlflow", "alembic", "matplotlib"):
        logging.getLogger(name).setLevel(logging.WARNING)


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
        if training.is_built_on_another:
            below = training.baseline.forms[form].groups["all"]
            scores |= {f"{form}/{name}": overall[name] for name in ERRORS}
            scores |= {f"without_it/{form}/{name}": below[name] for name in ("line_f1", *ERRORS)}
    if not training.is_built_on_another:
        scores[BASELINE] = training.baseline.forms["text"].groups["all"]["line_f1"]
    metrics: dict[str, float] = {name: score.value for name, score in scores.items()}
    for name, score in scores.items():
        low, high = bounds_of(name)
        metrics[low], metrics[high] = score.low, score.high
    return {name: round(value, _DIGITS) for name, value in metrics.items()}


def bounds_of(metric: str) -> tuple[str, str]:
    """Return the names of the metrics that hold the interval of a score.

    >>> bounds_of("text/line_f1")
    ('within_95_percent/text.line_f1.low', 'within_95_percent/text.line_f1.high')
    """
    name = f"{_BOUNDS}/{metric.replace('/', '.')}"
    return f"{name}.low", f"{name}.high"


def is_bound(metric: str) -> bool:
    """Tell whether a metric is a bound of another one's interval."""
    return metric.startswith(f"{_BOUNDS}/")


def _view_tags() -> dict[str, str]:
    """Return tags of an experiment that hold the view of its runs, as the UI itself stores one."""
    state = {
        "selectedColumns": list(_COLUMNS),
        "columnOrder": list(_COLUMNS),
        "columnWidths": _COLUMNS,
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
    }
    envelope = {"name": VIEW, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
    return {
        "mlflow.experimentKind": "custom_model_development",
        f"mlflow.sharedViewState.{VIEW}": json.dumps(envelope),
    }


def _settings(settings: Mapping[str, Any], training: Training) -> dict[str, Any]:
    """Return what a run was made with: settings by dotted name, and numbers of pages."""
    scored = next(iter(training.report.forms.values())).labelled
    pages = {TRAINED_ON: len(training.data.train), "pages.scored_on": len(scored)}
    return _flat({k: v for k, v in settings.items() if k not in _NOT_SETTINGS}) | pages


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
