"""Train on every labelled page there is, track the run and save the model.

    python train.py                          all labelled pages
    python train.py experiments=no_context   a named experiment
    python train.py -m experiments=no_context,no_ngrams   several, as one sweep
    python train.py debug=tiny               everything once, in seconds

Options are those of conf/: `python train.py --help` lists them.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent
_ROOM = 8 << 20  # bytes that a training surely writes
os.environ.setdefault("LINESIFT_ROOT", str(ROOT))  # conf/ refers to it

import hydra  # noqa: E402  its configuration reads the variable
from hydra.core.hydra_config import HydraConfig  # noqa: E402
from hydra.types import RunMode  # noqa: E402
from omegaconf import DictConfig, OmegaConf  # noqa: E402
from omegaconf.errors import InterpolationResolutionError  # noqa: E402


class Callbacks:
    """Hydra callback: what is done once, before its folders are made and the runs begin."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Say in a sentence what Hydra would say in a traceback."""
        _check_room(Path(config.paths.outputs), "what is kept of a run")

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Create the database once, and hand the parent run on through the environment."""
        from mlflow import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        from linesift.tracking.tracker import PARENT

        tracker = _tracker(config)
        overrides = " ".join(OmegaConf.select(config, "hydra.overrides.task") or ["sweep"])
        try:
            os.environ[PARENT] = tracker.open_sweep(overrides)
        except (OSError, MlflowException, SQLAlchemyError) as error:
            _fail(f"runs cannot be tracked, so none was begun: {str(error).splitlines()[0]}")
        os.environ["LINESIFT_JOBS"] = "1"  # the jobs share the cores already

    def __getattr__(self, name: str) -> Any:
        """Do nothing on Hydra's other events."""
        if name.startswith("on_"):
            return lambda *_, **__: None
        raise AttributeError(name)


def _interrupted(*_: Any) -> None:
    """End on ^C. The networks of scikit-learn take a KeyboardInterrupt for "good enough"."""
    print("\ntrain.py: interrupted before it was done", file=sys.stderr)
    sys.exit(130)


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> None:
    """Compose, load, train, save, track, and say where everything is."""
    signal.signal(signal.SIGINT, _interrupted)  # in each job of a sweep too
    from mlflow import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    from linesift.labelling.labels import LabelError
    from linesift.models.model_file import make_card, save_model
    from linesift.tracking.tracker import Tracker, git_commit
    from linesift.training import train as training

    began, commit = time.monotonic(), git_commit(ROOT)  # files may change while it runs
    path = _model_path(config)
    _check_room(path.parent, "the model")  # before minutes are spent on it
    model = hydra.utils.instantiate(
        config.model, **config.features, **config.context, _convert_="all"
    )
    tracker = _tracker(config)
    try:
        # Called here, not by Hydra, which would wrap what goes wrong.
        data = hydra.utils.instantiate(config.data, _convert_="all", _partial_=True)()
        trained = training.train(model, data, curve=config.learning_curve, say=print)
    except (LabelError, training.DataError, ValueError) as error:
        _fail(str(error))
    facts = training.card_facts(trained, git_commit=commit)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    try:
        save_model(path, trained.model, make_card(trained.model, **facts))
    except OSError as error:
        _fail(f"{shown}: the model cannot be written ({error.strerror})")
    try:
        links = tracker.track(
            trained,
            OmegaConf.to_container(config, resolve=True),
            path,
            name=config.name,
            description=config.description,
            commit=commit,
            changed=_changed(HydraConfig.get().overrides.task),
        )
    except (OSError, MlflowException, SQLAlchemyError) as error:
        reason = str(error).splitlines()[0]
        _fail(f"the model is saved as {shown}, but the run is not tracked: {reason}")
    listing, place = "linesift runs", "this folder"
    if ROOT != Path.cwd():
        place = str(ROOT)
    if config.tracking.experiment != Tracker.experiment:
        listing += f" --experiment {config.tracking.experiment}"
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        print(f"\n{config.name}:")  # several runs speak at once
    seconds = time.monotonic() - began
    print(
        training.summary(trained, shown, listing=listing, links=links, seconds=seconds, place=place)
    )


def _tracker(config: DictConfig) -> Any:
    """Return what tracks the run, or end if its settings name a variable that is not set."""
    try:
        return hydra.utils.instantiate(config.tracking)
    except InterpolationResolutionError as error:
        reason = str(error).splitlines()[0].partition(": ")[2].strip('"')
        _fail(f"tracking: {reason}; it names the server, such as http://HOST:PORT")


def _model_path(config: DictConfig) -> Path:
    """Return where the model goes; jobs of a sweep would overwrite each other's."""
    path, job = Path(config.paths.model_file), HydraConfig.get()
    told = any(one.startswith("paths.model_file=") for one in job.overrides.task)
    if job.mode == RunMode.MULTIRUN and not told:
        return Path(job.runtime.output_dir) / path.name
    return path


def _fail(message: str) -> NoReturn:
    """Say what is wrong, and end as every command of linesift does then."""
    print(f"train.py: {message}", file=sys.stderr)
    sys.exit(2)


def _check_room(folder: Path, what: str) -> None:
    """End now if the folder cannot be written later."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
            file.flush()
    except OSError as error:
        _fail(f"{folder}: {what} could not be written there ({error.strerror})")


def _changed(overrides: Sequence[str]) -> list[str]:
    """Return what was asked for on the command line, without names and places."""
    aside = ("name=", "description=", "paths.", "tracking")
    return [one for one in overrides if not one.startswith(aside)]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _interrupted)
    main()
