import json
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient

from linesift import LineClassifier, load_model, read_html, read_text, save_model
from linesift.labelling.labels import CONTENT, LABELS
from linesift.models.model_file import make_card
from linesift.scoring.evaluate import worst_lines
from linesift.scoring.metrics import SCORE_NAMES
from linesift.tracking.registry import Registry
from linesift.tracking.tracker import (
    BASELINE,
    PARENT,
    VIEW,
    Links,
    Tracker,
    git_commit,
    run_metrics,
)
from linesift.training.train import Data, train
from tests.made_pages import TINY, TRAIN_SITES, made_page, made_pages, tracking_database

SETTINGS = {
    "name": "first",
    "model": {"_target_": "linesift.models.model.LineClassifier", "folds": 2, "alpha": 1e-6},
    "features": {"ngram_orders": [3, 4, 5], "use_markup": True},
    "learning_curve": [],
}
PAGES = ["Home\nIt rained all day, they said.\nMenu", made_page(9, 0)[0]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder with a tracked training: its database, artifacts and model file."""
    path = tmp_path_factory.mktemp("tracked")
    (path / "mlflow.db").write_bytes(tracking_database())
    return path


@pytest.fixture(scope="module", autouse=True)
def elsewhere(folder):
    """Work in that folder, and leave MLflow's own settings as they were."""
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv(PARENT, raising=False)
        yield
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def training():
    held_out = made_pages(range(9, 24))
    held_out.labels[0][0] = CONTENT  # the menu, so that one line at least is judged otherwise
    return train(LineClassifier(**TINY), Data(made_pages(TRAIN_SITES), held_out), curve=[0.5])


@pytest.fixture(scope="module")
def tracker(folder):
    return Tracker(
        f"sqlite:///{folder}/mlflow.db", str(folder / "mlruns"), "pages", "sifter", "best"
    )


def run_of(links: Links) -> str:
    return links.run.rpartition("/")[2].partition("?")[0]


def track(tracker, training, folder, **changes) -> Links:
    path = folder / "model.safetensors"
    save_model(path, training.model, make_card(training.model))
    words = {
        "name": "first",
        "description": "What it asks.",
        "commit": "abc123",
        "changed": ["context=once"],
    }
    return tracker.track(training, SETTINGS, path, **(words | changes))


@pytest.fixture(scope="module")
def links(tracker, training, folder):
    return track(tracker, training, folder)


@pytest.fixture(scope="module")
def client(tracker):
    return MlflowClient(tracker.uri)


@pytest.fixture(scope="module")
def run(client, links):
    return client.get_run(run_of(links))


# -------------------------------------------------------------------------- one run


def test_the_links_lead_to_the_runs_and_to_the_run(run, links):
    runs = f"http://127.0.0.1:5000/#/experiments/{run.info.experiment_id}/runs"
    mode = "workflowType=machine_learning"
    assert links == (
        f"{runs}?{mode}&viewStateShareKey={VIEW}",
        f"{runs}/{run.info.run_id}?{mode}",
    )
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"


def test_the_columns_of_the_view_are_there(run, client):
    tags = client.get_experiment(run.info.experiment_id).tags
    view = json.loads(tags[f"mlflow.sharedViewState.{VIEW}"])
    columns = json.loads(view["state"])["selectedColumns"]
    there = {f"metrics.`{name}`" for name in run.data.metrics}
    there |= {f"params.`{name}`" for name in run.data.params}
    there |= {f"tags.`{name}`" for name in run.data.tags} | {"attributes.`Description`"}
    assert view["name"] == VIEW
    assert "metrics.`text/line_f1`" in columns
    assert set(columns) <= there


@pytest.mark.parametrize("uri", ["mysql://me:secret@db/runs", "postgresql://me:secret@db/runs"])
def test_runs_in_a_database_are_linked_at_the_ui_and_not_by_its_password(uri):
    links = Tracker(uri, "unused", port=5001)._links("1", "abc")
    assert all(link.startswith("http://127.0.0.1:5001/#/experiments/1/runs") for link in links)


def test_a_server_that_is_gone_is_not_asked_for_minutes(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # so that it is taken back after
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES")
    before, began = mlflow.get_tracking_uri(), time.monotonic()
    with pytest.raises(mlflow.MlflowException):
        Tracker("http://127.0.0.1:9", "unused").open()
    mlflow.set_tracking_uri(before)
    assert time.monotonic() - began < 30


def test_a_server_is_linked_under_its_own_address(training, folder, tracker, links, monkeypatch):
    # Only where the link points to is asked; the runs still go to the file.
    monkeypatch.setattr(mlflow, "set_tracking_uri", lambda uri: None)
    server = replace(tracker, uri="http://tracking.example/", registered_model=None)
    monkeypatch.setattr(Tracker, "_log_model", lambda self, file: None)
    found = track(server, training, folder, name="served")
    assert found.runs.startswith("http://tracking.example/#/experiments/")
    assert found.run.startswith("http://tracking.example/#/experiments/")


def test_parameters_are_the_settings_by_dotted_name(run):
    assert run.data.params == {
        "model.folds": "2",
        "model.alpha": "1e-06",
        "features.ngram_orders": "[3, 4, 5]",
        "features.use_markup": "true",
        "learning_curve": "[]",
        "pages.trained_on": "9",
        "pages.scored_on": "15",
    }


def test_metrics_are_a_dozen_scores_per_form_each_with_its_interval(run, training):
    metrics = run.data.metrics
    assert set(metrics) == set(run_metrics(training))
    expected = {BASELINE: training.baseline.forms["text"].groups["all"]["line_f1"]}
    for form, result in training.report.forms.items():
        overall = result.groups["all"]
        before = len(expected)
        for name in ("line_f1", "character_f1"):
            expected[f"{form}/{name}"] = overall[name]
        for label in LABELS:
            expected[f"{form}/label/{label}"] = overall[f"f1_{label}"]
        for language in ("en", "uk", "ru"):
            expected[f"{form}/language/{language}"] = result.groups[f"language:{language}"][
                "line_f1"
            ]
        assert len(expected) - before <= 12
    scores = {name for name in metrics if not name.startswith("within_95_percent/")}
    assert scores == set(expected)
    for name, score in expected.items():
        assert metrics[name] == pytest.approx(score.value, abs=5e-5)
        bound = f"within_95_percent/{name.replace('/', '.')}"
        assert metrics[f"{bound}.low"] == pytest.approx(score.low, abs=5e-5)
        assert metrics[f"{bound}.high"] == pytest.approx(score.high, abs=5e-5)


def test_the_scores_that_the_docs_name_are_where_they_say(run):
    tables = (Path(__file__).parents[1] / "docs/recipes/runs.md").read_text().split("| score |")
    metrics, others = (re.findall(r"^\| `([\w/]+)`", table, re.MULTILINE) for table in tables[1:])
    assert {"line_f1", "label/related", "language/uk"} <= set(metrics)
    assert {f"{form}/{name}" for form in ("text", "markup") for name in metrics} <= set(
        run.data.metrics
    )
    assert "related_kept" in others
    assert set(others) <= set(SCORE_NAMES)


def test_tags_say_what_was_asked_and_on_which_data(run, training):
    tags = run.data.tags
    assert tags["mlflow.note.content"].startswith("What it asks.\n\nTrained on ")
    assert tags["changed"] == "context=once"
    assert tags["data.train_digest"] == training.data.train.digest()
    assert tags["data.test_digest"] == training.data.test.digest()
    assert tags["held_out"] == training.held_out
    assert tags["git_commit"] == "abc123"


def test_figures_worst_lines_and_all_scores_are_kept(run, client, training, tmp_path):
    run_id = run.info.run_id
    figures = {file.path for file in client.list_artifacts(run_id, "figures")}
    assert {"figures/precision_recall.png", "figures/learning_curve.png"} <= figures
    for figure in figures:
        path = Path(client.download_artifacts(run_id, figure, str(tmp_path)))
        assert path.read_bytes().startswith(b"\x89PNG")

    def stored(name: str) -> dict:
        return json.loads(Path(client.download_artifacts(run_id, name, str(tmp_path))).read_text())

    scores = stored("scores.json")
    assert scores["linesift"] == training.report.to_dict()
    assert scores["run rule"] == training.baseline.to_dict()
    counts = training.report.forms["text"].scores.columns
    path = Path(client.download_artifacts(run_id, "worst_lines_text.txt", str(tmp_path)))
    head, *lines = path.read_text().splitlines()
    assert head.split() == ["of", "content", "is", "taken", "for", "page:line", "text"]
    assert len(lines) == counts["false"].sum() + counts["missed"].sum() > 0
    first = worst_lines(training.report.forms["text"])[0]
    assert lines[0].endswith(f"  {first['text']}")
    assert f"{first['page']}:{first['line']}" in lines[0]


def test_the_artifacts_lie_in_the_folder_that_was_asked_for(run, folder):
    assert run.info.artifact_uri.removeprefix("file://").startswith(str(folder / "mlruns"))


# ------------------------------------------------------------------------ the model


def test_the_registered_model_predicts_the_same_as_the_model_file(client, run, folder, links):
    version = client.get_model_version_by_alias("sifter", "best")
    assert version.run_id == run.info.run_id
    served = mlflow.pyfunc.load_model("models:/sifter@best").predict(PAGES)
    model = load_model(folder / "model.safetensors")
    for found, page in zip(served, (read_text(PAGES[0]), read_html(PAGES[1])), strict=True):
        expected = model.predict_lines([page])[0]
        found = found if isinstance(found, dict) else found.model_dump()
        assert found["text"] == expected.text
        assert tuple(found["lines"]) == page.lines
        assert found["labels"] == expected.labels
        np.testing.assert_array_equal(np.float32(found["probabilities"]), expected.probabilities)


def test_a_page_that_cannot_be_read_says_why_and_the_others_are_judged(links):
    served = mlflow.pyfunc.load_model("models:/sifter@best")
    (alone,) = served.predict(PAGES[:1])
    picture, page = served.predict(["GIF89a", PAGES[0]])
    assert picture.error.startswith("not text or HTML")
    assert (picture.text, picture.lines, picture.labels) == ("", [], [])
    assert page == alone
    assert (page.error, page.lines) == ("", list(read_text(PAGES[0]).lines))


def test_runs_of_a_sweep_nest_under_one_parent_and_the_newest_model_has_the_alias(
    tracker, training, folder, client, links, monkeypatch
):
    parent = tracker.open_sweep("two of them")
    monkeypatch.setenv(PARENT, parent)
    run_id = run_of(track(tracker, training, folder, name="nested"))
    assert client.get_run(run_id).data.tags["mlflow.parentRunId"] == parent
    assert client.get_run(parent).info.run_name == "two of them"
    assert client.get_run(parent).info.status == "FINISHED"
    assert client.get_model_version_by_alias("sifter", "best").run_id == run_id


def test_a_model_is_left_out_of_the_registry_if_it_has_no_name_there(
    tracker, training, folder, client, links
):
    before = client.get_registered_model("sifter").latest_versions
    unnamed = replace(tracker, registered_model=None, experiment="looks")
    run_id = run_of(track(unnamed, training, folder))
    assert client.get_run(run_id).info.status == "FINISHED"
    assert [one.name for one in client.search_registered_models()] == ["sifter"]
    after = client.get_registered_model("sifter").latest_versions
    assert [one.version for one in after] == [one.version for one in before]


def test_the_registry_gives_back_the_model_file_that_was_tracked(tracker, folder, links, tmp_path):
    registry = Registry(tracker.uri, "sifter")
    version = registry.version("best")
    fetched = registry.model_file(version, tmp_path)
    assert fetched.read_bytes() == (folder / "model.safetensors").read_bytes()
    assert registry.version("champion") is None
    registry.point("champion", version, "for a test")
    assert registry.version("champion") == version


# ---------------------------------------------------------------------------- commit


def test_the_commit_is_noted_and_marked_where_files_differ(tmp_path):
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert git_commit(tmp_path) == ""
    git("init", "--quiet")
    assert git_commit(tmp_path) == ""
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--message", "one")
    commit = git("rev-parse", "HEAD")
    assert git_commit(tmp_path) == commit
    (tmp_path / "not in git").write_text("new")
    assert git_commit(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    assert git_commit(tmp_path) == f"{commit}-dirty"
