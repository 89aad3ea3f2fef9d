"""Small trainings tracked in a real store, and servers of MLflow on a free port."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

from linesift import save_model
from linesift.models.model_file import make_card
from linesift.tracking.tracker import Links, Tracker
from linesift.training.classifier import LineClassifier
from linesift.training.train import Data, train
from tests.made_pages import TINY, TRAIN_SITES, made_pages, tracking_database

EXPERIMENT = "pages"
_PATIENCE = 120  # seconds until a server answers on a busy machine


def tracker_in(folder: Path, port: int = 5000) -> Tracker:
    """Return a tracker of a fresh store in a folder."""
    (folder / "mlflow.db").write_bytes(tracking_database())
    store = f"sqlite:///{folder}/mlflow.db"
    return Tracker(store, str(folder / "mlruns"), EXPERIMENT, "sifter", "candidate", port)


def track(tracker: Tracker, folder: Path, name: str, **changes: object) -> Links:
    """Train a small model with these parameters changed, and track it."""
    data = Data(made_pages(TRAIN_SITES), made_pages(range(9, 24)))
    training = train(LineClassifier(**{**TINY, **changes}), data)
    path = folder / "model.safetensors"
    save_model(path, training.model, make_card(training.model))
    return tracker.track(
        training,
        {"model": {**TINY, **changes}},
        path,
        name=name,
        description=f"What {name} is for.",
        commit="abc123",
        changed=[f"model.{key}={value}" for key, value in changes.items()],
    )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def mlflow_server(folder: Path, *command: str, port: int, ready: str) -> Iterator[str]:
    """Run `mlflow COMMAND` on a port in a folder; give its address once it answers."""
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # MLflow starts uvicorn by its name, so the environment has to be an activated one.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command, "--port", str(port), "--workers", "1"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}{ready}", server, log)
        yield address
    finally:
        os.killpg(server.pid, SIGTERM)  # its workers too; the session is its own
        server.wait(timeout=30)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
        else:
            return
    raise AssertionError(f"{address} did not answer:\n{log.read_text()[-2000:]}")
