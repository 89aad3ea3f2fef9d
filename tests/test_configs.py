import inspect
from pathlib import Path

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException, HydraException
from sklearn.exceptions import NotFittedError

from linesift.models.prediction import LinePredictor
from linesift.tracking.tracker import Tracker
from linesift.training.train import load_data
from tests.made_pages import made_pages

ROOT = Path(__file__).parents[1]
OPTIONS = sorted(f"{path.parent.name}='{path.stem}'" for path in (ROOT / "conf").glob("*/*.yaml"))
EXPERIMENTS = sorted(path.stem for path in (ROOT / "experiments").glob("*.yaml"))

# A rule takes no parameters, so it goes with the groups that hold none.
_NONE = ["features=none", "context=unused"]
PARTNERS = {"model='run_rule'": _NONE, "model='my_site'": _NONE}


@pytest.fixture(autouse=True)
def from_the_repository(monkeypatch):
    monkeypatch.setenv("LINESIFT_ROOT", str(ROOT))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        yield


def compose(*overrides: str):
    return hydra.compose("train", overrides=list(overrides), return_hydra_config=False)


def build(config) -> LinePredictor:
    return hydra.utils.instantiate(
        config.model, **config.features, **config.context, _convert_="all"
    )


def check(config) -> None:
    """Build what train.py builds, and bind the arguments of what it calls."""
    model = build(config)
    assert isinstance(model, LinePredictor)
    assert not hasattr(model, "classes_")
    assert isinstance(hydra.utils.instantiate(config.tracking), Tracker)
    assert config.data._target_ == "linesift.training.train.load_data"
    arguments = {key: value for key, value in config.data.items() if key != "_target_"}
    inspect.signature(load_data).bind(**arguments)
    assert config.name
    assert config.description
    assert config.paths.model_file


def test_there_is_something_to_check():
    groups = {option.partition("=")[0] for option in OPTIONS}
    assert groups == {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()}
    assert {"data", "features", "model", "context", "tracking", "paths", "debug"} <= groups
    assert len(EXPERIMENTS) >= 5


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_every_group_composes_and_builds(option):
    check(compose(option, *PARTNERS.get(option, [])))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_builds_and_is_named_after_its_file(experiment):
    config = compose(f"experiments={experiment}")
    check(config)
    assert config.name == experiment
    assert config != compose()


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_goes_with_the_tiny_look(experiment):
    check(compose("debug=tiny", f"experiments={experiment}"))


def test_the_model_of_the_default_is_not_fitted_and_its_parameters_are_plain():
    model = build(compose())
    with pytest.raises(NotFittedError):
        model.predict(made_pages(range(1)).pages)
    assert {type(value) for value in model.get_params().values()} <= {int, float, bool, list}


def test_the_tiny_look_is_kept_apart_from_real_runs():
    tiny, real = compose("debug=tiny"), compose()
    assert tiny.name == "tiny"
    assert tiny.tracking.experiment != real.tracking.experiment
    assert tiny.tracking.registered_model is None
    assert real.tracking.registered_model


@pytest.mark.parametrize("group", ["model", "features", "context"])
def test_a_misspelt_key_in_a_group_of_the_model_is_refused(group):
    with pytest.raises(HydraException, match="misspelt"):
        build(compose(f"+{group}.misspelt=3"))


def test_a_misspelt_key_of_the_tracking_is_refused():
    with pytest.raises(HydraException, match="misspelt"):
        hydra.utils.instantiate(compose("+tracking.misspelt=3").tracking)


def test_a_misspelt_key_of_the_data_is_refused():
    load = hydra.utils.instantiate(compose("+data.misspelt=3").data, _partial_=True)
    with pytest.raises(TypeError, match="misspelt"):
        load()


@pytest.mark.parametrize(
    "override", ["model.misspelt=3", "misspelt=3", "model=misspelt", "experiments=misspelt"]
)
def test_a_misspelt_override_is_refused(override):
    with pytest.raises((ConfigCompositionException, HydraException), match="misspelt"):
        compose(override)


def test_everything_that_is_written_follows_the_root(tmp_path):
    paths = compose(f"paths.root={tmp_path}")
    assert str(paths.tracking.uri) == f"sqlite:///{tmp_path}/mlflow.db"
    for path in (paths.tracking.artifacts, paths.paths.outputs, paths.paths.model_file):
        assert Path(path).is_relative_to(tmp_path)
