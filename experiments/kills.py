"""End programs with kill -9 at random moments and look at what is left.

    python experiments/kills.py --kills 70 --report kills.json

Three writers are killed: `train.py` with an MLflow database, `linesift predict --output` with one
and two processes, and label files (a program that saves a label at a time, and
`linesift prelabel`). After each kill every file under a final name has to be whole, the database
sound and readable, and what was confirmed has to be there; then the program runs again to its
end. Ends with exit code 1 if anything was lost.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINESIFT = [sys.executable, "-c", "from linesift.cli import main\nmain()"]
SAVER = """
import sys
import numpy as np
from linesift.labelling.label_store import Change, LabelStore
from linesift.reading.page import Page
store = LabelStore(sys.argv[1])
page = Page("p", tuple(f"Line {k}" for k in range(500)), tuple(range(1, 501)), "s")
first = int(sys.argv[2])
for k in range(500):
    change = Change((first + k) % 4, None)
    store.save(page, np.zeros(500, np.int8), {k + 1: change})
    print(k, flush=True)
"""


class Lost(Exception):
    """Something was lost or damaged; the message says what."""


@dataclass
class Writer:
    """What became of one kind of program.

    Parameters
    ----------
    name : str
    kills : int
        Processes that a kill met before their end.
    restarts : int
        Runs to the end after them.
    lost : list of str
        What was found damaged or missing.
    left : int
        Most files under names of their own that were ever left behind.
    """

    name: str
    kills: int = 0
    restarts: int = 0
    lost: list[str] = field(default_factory=list)
    left: int = 0

    def check(self, look: Callable[[], None]) -> None:
        """Look, and note what is lost."""
        try:
            look()
        except Exception as error:
            self.lost.append(f"{type(error).__name__}: {error}"[:300])
            print(f"\n{self.lost[-1]}", file=sys.stderr)


def main() -> None:
    """Kill each writer so many times, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--kills", type=int, default=70, help="of each of the three writers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path, help="write everything there as JSON")
    arguments = parser.parse_args()
    rows = []
    for kill in (kill_training, kill_prediction, kill_labels):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(kill(Path(folder), random.Random(arguments.seed), arguments.kills))
    print("| killed | kills | runs to the end after them | lost or damaged | left behind at most |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.name} | {row.kills} | {row.restarts} | {len(row.lost)} | {row.left} |")
    if arguments.report:
        arguments.report.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    sys.exit(any(row.lost for row in rows))


def kill_training(folder: Path, rng: random.Random, kills: int) -> Writer:
    """Kill trainings: half of them on a fresh database, half on one that has runs in it."""
    row = Writer("train.py with an MLflow database")
    home = folder / "0"
    command = training(home)
    finish(command, home)
    took = finish(command, home)
    for k in range(1, 10**6):
        if k % 2:
            home = folder / f"{k}"
            command = training(home)
        # Imports write nothing; what is written is written in the later part of a run.
        row.kills += killed(command, home, rng.uniform(0.3, 1.0) * took)
        row.check(lambda at=home: check_training(at))
        row.left = max(row.left, left_behind(home))
        if k % 2:
            row.check(lambda at=home, run=command: finish(run, at) and None)
            row.check(lambda at=home: check_training(at, finished=True))
            row.restarts += 1
        progress(row)
        if row.kills >= kills:
            return row
    raise AssertionError


def training(home: Path) -> list[str]:
    """Return the command of a training that writes all that any training writes, soon."""
    home.mkdir(parents=True, exist_ok=True)
    settings = ("debug=tiny", f"paths.root={home}", f"paths.pages={ROOT}/data/pages")
    return [sys.executable, str(ROOT / "train.py"), *settings, "tracking.registered_model=tiny"]


def check_training(home: Path, *, finished: bool = False) -> None:
    """Raise Lost unless model, configuration and database of a training are sound."""
    import mlflow

    from linesift.models.model_file import load_model

    model, database = home / "models" / "latest.safetensors", home / "mlflow.db"
    if model.exists():
        load_model(model)
    for path in home.glob("outputs/**/*.json"):
        json.loads(path.read_bytes())
    runs = []
    if database.exists():
        with sqlite3.connect(database) as connection:
            (said,) = connection.execute("PRAGMA integrity_check").fetchone()
        connection.close()
        if said != "ok":
            raise Lost(f"the database is damaged: {said}")
    if finished:
        client = mlflow.MlflowClient(f"sqlite:///{database}")
        runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
        if not any(run.info.status == "FINISHED" for run in runs):
            raise Lost("no run is finished")
        version = client.get_model_version_by_alias("tiny", "candidate")
        if version.run_id not in {run.info.run_id for run in runs}:
            raise Lost("the candidate belongs to no run")


def kill_prediction(folder: Path, rng: random.Random, kills: int) -> Writer:
    """Kill predictions and let them go on, until each output is whole."""
    row = Writer("linesift predict --output, one and two processes")
    pages = folder / "pages.jsonl"
    with pages.open("w") as file:
        for k in range(6000):
            text = "\n".join(
                ["Home", f"It rained all day {k}, they said.", "Menu", "More news"] * 5
            )
            file.write(json.dumps({"id": f"p{k}", "text": text}) + "\n")

    def predict(output: Path, jobs: int) -> list[str]:
        options = ["--part-size", "500", "--jobs", str(jobs), "--output", str(output)]
        return [*LINESIFT, "predict", *options, str(pages)]

    took = finish(predict(folder / "unbroken", 1), folder)
    unbroken = contents(folder / "unbroken")
    for k in range(10**6):
        output, command = folder / f"{k}", predict(folder / f"{k}", 1 + k % 2)
        alive = True
        while alive and row.kills < kills:
            alive = killed(command, folder, rng.uniform(0.1, 0.8) * took)
            row.kills += alive
            row.left = max(row.left, left_behind(output))
            row.check(lambda at=output: check_parts(at, unbroken))
            progress(row)
        finish(command, folder)
        row.restarts += 1
        row.check(lambda at=output: compare_all(at, unbroken))
        if row.kills >= kills:
            return row
    raise AssertionError


def check_parts(output: Path, unbroken: dict[str, bytes]) -> None:
    """Raise Lost unless every part under its final name is that of the unbroken run."""
    for name, data in contents(output).items():
        if name.endswith(".jsonl") and data != unbroken[name]:
            raise Lost(f"{name} is not what an unbroken run wrote")


def compare_all(output: Path, unbroken: dict[str, bytes]) -> None:
    """Raise Lost unless an output is that of the unbroken run, no more and no less."""
    check_parts(output, unbroken)
    if missing := unbroken.keys() ^ contents(output).keys():
        raise Lost(f"missing or too much: {sorted(missing)}")


def kill_labels(folder: Path, rng: random.Random, kills: int) -> Writer:
    """Kill a program that saves labels one by one, and `linesift prelabel`."""
    row = Writer("label files: one label at a time, and linesift prelabel")
    pages = folder / "pages"
    pages.mkdir()
    for k in range(300):
        (pages / f"{k}.txt").write_text("\n".join(f"Line {i} of page {k}." for i in range(100)))
    prelabel = [*LINESIFT, "prelabel", "--labels", str(folder / "guesses"), str(pages)]
    took = finish(prelabel, folder)
    names = contents(folder / "guesses").keys()
    while row.kills < kills:
        first = row.kills
        saver = [sys.executable, "-c", SAVER, str(folder / "labels"), str(first)]
        row.kills += killed(saver, folder, rng.uniform(0.3, 2.0), log := folder / "saved.txt")
        row.left = max(row.left, left_behind(folder / "labels"))
        row.check(lambda at=log, k=first: check_saved(folder / "labels" / "p.tsv", at, k))
        row.kills += killed(prelabel, folder, rng.uniform(0.3, 0.9) * took)
        row.check(lambda: check_labels(folder / "guesses"))
        row.left = max(row.left, left_behind(folder / "guesses"))
        progress(row)
    finish([*LINESIFT, "prelabel", "--labels", str(folder / "labels"), str(pages)], folder)
    finish(prelabel, folder)
    row.restarts += 2
    if contents(folder / "guesses").keys() != names:
        row.lost.append("prelabel did not write what it wrote before")
    return row


def check_saved(path: Path, log: Path, first: int) -> None:
    """Raise Lost unless every label that was confirmed stands in the file."""
    from linesift.labelling.labels import load_label_file

    confirmed = log.read_text().split("\n")[:-1]
    if not confirmed:
        return
    file = load_label_file(path)
    for k in range(len(confirmed)):
        if not file.by_hand[k] or file.labels[k] != (first + k) % 4:
            raise Lost(f"label {k} of {len(confirmed)} confirmed ones is gone")


def check_labels(folder: Path) -> None:
    """Raise an error unless every label file is whole."""
    from linesift.labelling.labels import load_label_file

    for path in folder.glob("*.tsv"):
        if len(load_label_file(path).page.lines) != 100:
            raise Lost(f"{path.name} is cut")


def contents(folder: Path) -> dict[str, bytes]:
    """Return what lies in a folder under final names."""
    paths = folder.rglob("*") if folder.exists() else ()
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.is_file() and not is_left(path)
    }


def is_left(path: Path) -> bool:
    """Tell whether a name is that of a file that is being written."""
    return path.name.startswith(".") or path.suffix in {".partial", ".part", ".tmp"}


def left_behind(folder: Path) -> int:
    """Return how many files that were being written are still there."""
    paths: Iterator[Path] = folder.rglob("*") if folder.exists() else iter(())
    return sum(path.is_file() and is_left(path) and ".hydra" not in path.parts for path in paths)


def environment() -> dict[str, str]:
    """Return the environment, without addresses of other stores."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("LINESIFT", "MLFLOW"))}
    return mine | {"OMP_NUM_THREADS": "1", "LINESIFT_JOBS": "1"}


def finish(command: list[str], folder: Path) -> float:
    """Run a command to its end; return the seconds it took.

    Raises
    ------
    Lost
        It failed.
    """
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, timeout=300)
    if done.returncode:
        raise Lost(f"exit code {done.returncode}: {done.stderr.decode()[-200:]}")
    return time.monotonic() - began


def killed(command: list[str], folder: Path, seconds: float, output: Path | None = None) -> bool:
    """Run a command, kill it and its children after some seconds; tell whether it still ran."""
    with open(output or os.devnull, "wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(),
            stdout=file,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def progress(row: Writer) -> None:
    """Say how far it is, on one line of standard error."""
    print(f"\r{row.name}: {row.kills} kills, {len(row.lost)} lost ", end="", file=sys.stderr)


if __name__ == "__main__":
    main()
