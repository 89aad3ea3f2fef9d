"""`linesift runs` on a real store in sqlite."""

import csv
import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from linesift.cli import main
from linesift.tracking.tracker import CHANGED, SCORED_ON, TRAINED_ON, bounds_of
from tests.made_pages import tracking_database

LINESIFT = Path(sys.executable).with_name("linesift")
RUNS = {
    "default": ({"text/line_f1": 0.9, "text/label/related": 0.5}, {"model.trees": "120"}, ""),
    "wide": (
        {"text/line_f1": 0.88, "text/label/related": 0.7},
        {"model.trees": "120", "model.hidden_units": "128"},
        "model.hidden_units=128",
    ),
    "again": ({"text/line_f1": 0.91}, {"model.trees": "120"}, ""),
    "a sweep": ({}, {}, ""),
}


@pytest.fixture(scope="module", autouse=True)
def elsewhere():
    """Leave MLflow's own settings as they were."""
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> tuple[str, dict[str, str]]:
    """Address of a store, and the ids of its runs by name."""
    path = tmp_path_factory.mktemp("runs") / "mlflow.db"
    path.write_bytes(tracking_database())
    client = MlflowClient(f"sqlite:///{path}")
    experiment = client.create_experiment("linesift", str(path.parent / "mlruns"))
    ids = {}
    for name, (scores, settings, changed) in RUNS.items():
        run = client.create_run(experiment, run_name=name)
        values = dict(scores)
        for score, value in scores.items():
            values |= dict(zip(bounds_of(score), (value - 0.01, value + 0.02), strict=True))
        client.log_batch(
            run.info.run_id,
            [Metric(key, value, 0, 0) for key, value in values.items()],
            [Param(key, value) for key, value in ({**settings, TRAINED_ON: "12"}).items()],
            [RunTag(CHANGED, changed)],
        )
        client.set_terminated(run.info.run_id)
        ids[name] = run.info.run_id
    return f"sqlite:///{path}", ids


def listed(store, *arguments: str):
    return CliRunner().invoke(main, ["runs", "--tracking-uri", store[0], *arguments])


def rows(result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout), delimiter="\t"))


def on_terminal(store, *arguments: str, columns: int) -> str:
    """Return what the command prints on a terminal so wide, without its styles."""
    main_end, end = pty.openpty()
    done = subprocess.Popen(
        [LINESIFT, "runs", "--tracking-uri", store[0], *arguments],
        stdout=end,
        stderr=subprocess.PIPE,
        env=os.environ | {"COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"},
    )
    os.close(end)
    shown = b""
    while True:
        try:
            part = os.read(main_end, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(main_end)
    assert done.communicate() == (None, b"")
    assert done.returncode == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())


def test_runs_in_a_pipe_are_a_table_of_tabs_best_first(store):
    found = rows(listed(store))
    assert [row["run"] for row in found] == ["again", "default", "wide", "a sweep"]
    wide = found[2]
    assert wide["id"] == store[1]["wide"]
    assert (wide["changed"], wide["pages"]) == ("model.hidden_units=128", "12")
    assert (wide["text/line_f1"], wide["markup/line_f1"]) == ("0.88", "")
    bounds = (float(wide["text/line_f1 low"]), float(wide["text/line_f1 high"]))
    assert bounds == pytest.approx((0.87, 0.9))


@pytest.mark.parametrize("arguments", [(), ("default", "again")])
def test_scores_of_different_pages_are_not_passed_off_as_comparable(store, tmp_path, arguments):
    assert listed(store, *arguments).stderr == ""
    path = tmp_path / "mlflow.db"
    path.write_bytes(Path(store[0].removeprefix("sqlite:///")).read_bytes())
    other = (f"sqlite:///{path}", store[1])
    client = MlflowClient(other[0])
    for name, pages in (("default", "one"), ("wide", "one"), ("again", "other")):
        client.set_tag(store[1][name], SCORED_ON, pages)
    assert listed(other, *arguments).stderr == (
        "linesift: these runs were scored on 2 different sets of pages; "
        "scores compare only within one\n"
    )
    assert listed(other, "default", "wide").stderr == ""


def test_runs_are_sorted_by_another_score_and_those_without_come_last(store):
    found = rows(listed(store, "--sort", "text/label/related"))
    assert [row["run"] for row in found[:2]] == ["wide", "default"]
    assert {row["run"] for row in found[2:]} == {"again", "a sweep"}


def test_by_errors_the_run_with_the_fewest_comes_first(store):
    client = MlflowClient(store[0])
    experiment = client.create_experiment("sites")
    for name, errors in (("worst", 0.3), ("best", 0.0), ("middle", 0.1)):
        run = client.create_run(experiment, run_name=name)
        client.log_metric(run.info.run_id, "text/wrong_keep", errors)
    found = rows(listed(store, "--experiment", "sites", "--sort", "text/wrong_keep"))
    assert [row["run"] for row in found] == ["best", "middle", "worst"]


def test_a_closed_standard_output_is_no_reason_to_trace_back(store):
    for names in ((), ("default", "wide")):
        command = [LINESIFT, "runs", "--tracking-uri", store[0], *names]
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_no_more_runs_are_listed_than_asked_for(store):
    assert [row["run"] for row in rows(listed(store, "--limit", "1"))] == ["again"]


@pytest.mark.parametrize("name", [str, lambda run_id: run_id[:10]])
def test_two_runs_are_shown_by_what_differs(store, name):
    ids = store[1]
    found = rows(listed(store, name(ids["default"]), name(ids["wide"])))
    assert sorted((tuple(row.values()) for row in found), reverse=True) == [
        ("setting", "model.hidden_units", "", "128"),
        ("score", "text/line_f1", "0.9", "0.88"),
        ("score", "text/label/related", "0.5", "0.7"),
    ]


def test_runs_are_known_by_name(store):
    assert rows(listed(store, "default", "again"))[0]["what"] == "score"


def test_a_wide_terminal_shows_intervals_and_a_narrow_one_scores_alone(store):
    wide = on_terminal(store, columns=170)
    assert "0.880 [0.870, 0.900]" in wide
    narrow = on_terminal(store, columns=80)
    assert "0.880" in narrow
    assert "[0.870" not in narrow
    assert max(len(line) for line in narrow.splitlines()) <= 80
    assert {"model.hidden_units=128", "character_f1"} <= set(narrow.split())  # nothing is broken
    assert "\t" not in wide + narrow


def test_two_runs_on_a_terminal_show_the_difference(store):
    shown = on_terminal(store, "default", "wide", columns=120)
    row = next(line for line in shown.splitlines() if "text/label/related" in line)
    assert row.split()[-1] == "+0.200"
    assert "model.hidden_units" in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["default"], "name two runs"),
        (["default", "nobody"], "no run 'nobody'; 'linesift runs' lists"),
        (["--sort", "f2"], "no run has a score 'f2'; there are: text/label/related, text/line_f1"),
        (["--experiment", "other"], "no experiment 'other'"),
    ],
)
def test_bad_input_is_one_sentence_with_what_to_do(store, arguments, reason):
    result = listed(store, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr.splitlines()[-1]


def test_a_name_that_several_runs_have_means_the_newest(store):
    client = MlflowClient(store[0])
    experiment = client.create_experiment("twins")
    for started, value in ((2000, "new"), (1000, "old")):
        run = client.create_run(experiment, start_time=started, run_name="twin")
        client.log_param(run.info.run_id, "made", value)
    other = client.create_run(experiment, run_name="other")
    found = rows(listed(store, "--experiment", "twins", "twin", other.info.run_id))
    assert [tuple(row.values()) for row in found] == [("setting", "made", "new", "")]


def test_the_beginning_of_several_ids_is_not_enough(store):
    result = listed(store, "", "default")
    assert result.exit_code == 2
    assert "'' begins the ids of 4 runs; give more of it" in result.stderr


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    result = CliRunner().invoke(main, ["runs", "--tracking-uri", f"sqlite:///{tmp_path}/none.db"])
    assert result.exit_code == 2
    assert "python train.py" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_one_sentence(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = CliRunner().invoke(main, ["runs", "--tracking-uri", "http://127.0.0.1:9"])
    assert result.exit_code == 2
    assert "is it running?" in result.stderr.splitlines()[-1]
