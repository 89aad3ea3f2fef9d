import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from linesift import load_model
from linesift.models.model_file import read_card
from tests.calls import watch
from tests.made_pages import tracking_database

ROOT = Path(__file__).parents[1]
LINESIFT = Path(sys.executable).with_name("linesift")


def command(folder: Path, *arguments: str, options=()) -> dict:
    """Return how train.py is run on the hand-labelled pages, all it writes in the folder."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LINESIFT", "MLFLOW"))}
    own = {"OMP_NUM_THREADS": "1", "LINESIFT_JOBS": "1", "PYTHONUNBUFFERED": "1"}
    return {
        "args": [
            sys.executable,
            str(ROOT / "train.py"),
            *options,
            "debug=tiny",
            f"paths.root={folder}",
            f"paths.pages={ROOT}/data/pages",
            *arguments,
        ],
        "cwd": folder,
        "env": inherited | own,
        "text": True,
    }


def train(folder: Path, *arguments: str, options=()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(**command(folder, *arguments, options=options), capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("trained")
    (path / "mlflow.db").write_bytes(tracking_database())
    return path


@pytest.fixture(scope="module")
def calls(tmp_path_factory) -> tuple[dict[str, str], Path]:
    return watch(tmp_path_factory.mktemp("calls"))


@pytest.fixture(scope="module")
def done(folder, calls):
    told = command(folder, f"paths.model_file={folder}/tiny.safetensors")
    told["env"] |= calls[0]
    result = subprocess.run(**told, capture_output=True)
    assert result.returncode == 0, result.stderr
    return result


def test_a_training_on_a_database_calls_nobody_and_tells_nobody(done, calls):
    assert calls[1].read_text() == ""


def test_training_writes_a_model_that_a_fresh_process_predicts_with(done, folder, tmp_path):
    page = tmp_path / "page.txt"
    page.write_text("Home\nIt rained all day, they said, and the river rose.\nMenu\n")
    predicted = subprocess.run(
        [LINESIFT, "predict", "--format", "jsonl", "--model", folder / "tiny.safetensors", page],
        capture_output=True,
        text=True,
    )
    assert (predicted.returncode, predicted.stderr) == (0, "")
    rows = [json.loads(line) for line in predicted.stdout.splitlines()]
    assert [row["text"] for row in rows] == page.read_text().splitlines()
    model = load_model(folder / "tiny.safetensors")
    assert {row["keep"] for row in rows} <= {True, False}
    assert model.line_network.hidden_weights.shape[1] < 64


def test_scores_model_and_link_are_printed(done, folder):
    run = only_run(folder, "linesift-debug")
    runs = f"http://127.0.0.1:5000/#/experiments/{run.info.experiment_id}/runs"
    assert f"{runs}?" in done.stdout
    assert f"{runs}/{run.info.run_id}?" in done.stdout
    assert run.data.tags["changed"] == "debug=tiny"
    assert "model    tiny.safetensors\n" in done.stdout  # as one has to type it there
    assert "linesift runs --experiment linesift-debug" in done.stdout
    score = read_card(folder / "tiny.safetensors")["scores"]["text"]["line_f1"]
    row = next(line for line in done.stdout.splitlines() if line.startswith("text only"))
    shown = [float(number) for number in re.findall(r"[\d.]+", row)[:3]]
    assert shown == pytest.approx(score, abs=6e-4)  # three digits here, four on the card
    assert run.data.metrics["text/line_f1"] == pytest.approx(score[0], abs=1e-4)
    assert run.info.run_name == "tiny"


def only_run(folder: Path, experiment: str):
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    found = client.get_experiment_by_name(experiment)
    (run,) = client.search_runs([found.experiment_id])
    return run


def test_nothing_is_written_outside_the_folder_asked_for(done, folder):
    assert {"mlflow.db", "mlruns", "outputs", "tiny.safetensors"} == {
        path.name for path in folder.iterdir()
    }


def test_the_card_names_the_data_and_the_commit(done, folder):
    card = read_card(folder / "tiny.safetensors")
    assert set(card["data"]["train_pages"]) == {"hand"}
    assert len(card["data"]["train_digest"]) == 64
    assert "git_commit" in card


def test_a_sweep_on_a_fresh_database_finishes_with_its_runs_under_one_parent(tmp_path):
    result = train(tmp_path, "experiments=no_context,run_rule", options=["-m"])
    assert result.returncode == 0, result.stderr
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("linesift-debug")
    runs = client.search_runs([experiment.experiment_id])
    assert all(run.info.status == "FINISHED" for run in runs)
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    children = [run for run in runs if run is not parent]
    assert {run.info.run_name for run in children} == {"no_context", "run_rule"}
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert all("text/line_f1" in run.data.metrics for run in children)
    # Each has a model of its own, printed as such; none takes the place of the latest one.
    models = sorted(tmp_path.glob("outputs/sweeps/*/*/*/latest.safetensors"))
    assert {type(load_model(path)).__name__ for path in models} == {"LineModel", "RunRule"}
    assert all(str(path.relative_to(tmp_path)) in result.stdout for path in models)
    assert not list(tmp_path.glob("models/*"))


def test_a_mistake_is_one_sentence_before_anything_is_trained(tmp_path):
    result = train(tmp_path, "paths.pages=nowhere")
    assert result.returncode == 2
    assert result.stderr == "train.py: nowhere: no such folder of label files\n"
    assert not (tmp_path / "models" / "latest.safetensors").exists()
    assert not (tmp_path / "mlflow.db").exists()


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_trained(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    result = train(tmp_path, f"paths.model_file={tmp_path}/file/model.safetensors")
    assert result.returncode == 2
    assert result.stderr.startswith(f"train.py: {tmp_path}/file: the model could not be written")
    assert "fitting" not in result.stdout


def test_a_server_without_an_address_is_said_before_anything_is_trained(tmp_path):
    result = train(tmp_path, "tracking=server")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(
        "train.py: tracking: Environment variable 'MLFLOW_TRACKING_URI' not found; it names"
    )


def test_a_sweep_whose_server_is_gone_is_not_begun(tmp_path):
    told = command(tmp_path, "tracking.uri=http://127.0.0.1:9", "model.trees=1,2", options=["-m"])
    told["env"] |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    result = subprocess.run(**told, capture_output=True)
    assert result.returncode == 2
    assert result.stderr.startswith("train.py: runs cannot be tracked, so none was begun: ")
    assert "fitting" not in result.stdout


def test_a_run_that_cannot_be_tracked_leaves_the_model_and_says_where_it_is(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"This is no database." * 99)
    result = train(tmp_path, "experiments=run_rule")
    assert result.returncode == 2
    last = result.stderr.splitlines()[-1]
    assert last.startswith("train.py: the model is saved as models/latest.safetensors, but the run")
    assert load_model(tmp_path / "models" / "latest.safetensors")


def test_two_trainings_at_once_on_a_fresh_database_both_finish(tmp_path):
    told = command(tmp_path, "experiments=run_rule")
    both = [subprocess.Popen(**told, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "ab"]
    outputs = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], outputs
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("linesift-debug")
    runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"] * 2


def test_an_interrupted_training_leaves_no_half_trained_model(tmp_path):
    """The networks of scikit-learn would go on with what they have learned by then."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(**command(tmp_path), **streams) as running:
        for line in running.stdout:
            if line.startswith("fitting on"):
                break
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.endswith("\ntrain.py: interrupted before it was done\n")
    assert list(tmp_path.glob("models/*")) == []
    assert not (tmp_path / "mlflow.db").exists()
