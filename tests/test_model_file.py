import io
import json
import os
import pickle
import platform
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from linesift import LineClassifier
from linesift.labelling.labels import LABELS, read_label_folder
from linesift.models import model_file
from linesift.models.baselines import RunRule
from linesift.models.model_file import (
    FORMAT,
    ModelError,
    load_model,
    make_card,
    model_digest,
    read_card,
    save_model,
)
from linesift.scoring.evaluate import evaluate
from tests.made_pages import NEW_SITES, TINY, TRAIN_SITES, fitted, fitted_on_types, made_pages

PAGES = made_pages(NEW_SITES).pages


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Path:
    """Path of a saved model."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, fitted(), make_card(fitted(), scores={"text": {"line_f1": 0.9}}))
    return path


def assert_equal_predictions(model, expected) -> None:
    assert model.thresholds_ == expected.thresholds_
    for one, other in zip(model.predict_proba(PAGES), expected.predict_proba(PAGES), strict=True):
        np.testing.assert_array_equal(one, other)
    types, expected_types = model.predict_page_types(PAGES), expected.predict_page_types(PAGES)
    np.testing.assert_array_equal(types, expected_types)


# -------------------------------------------------------------------- there and back


@pytest.mark.parametrize(
    "model",
    [
        lambda: fitted(),
        lambda: fitted(context_passes=0),
        lambda: fitted(context_passes=2),
        lambda: fitted(ngram_orders=()),
        lambda: fitted(use_markup=False),
        fitted_on_types,
        RunRule,
    ],
)
def test_a_loaded_model_predicts_the_same_to_the_last_bit(model, tmp_path):
    path = tmp_path / "folder that is not there yet" / "model.safetensors"
    save_model(path, model(), make_card(model()))
    assert_equal_predictions(load_model(path), model())


def test_a_model_with_one_kind_of_noise_is_stored_too(tmp_path):
    labels = [np.where(y > 0, 2, 0).astype(np.int8) for y in made_pages(NEW_SITES).labels]
    model = LineClassifier(**TINY).fit(PAGES, labels)
    save_model(tmp_path / "m.safetensors", model, make_card(model))
    assert_equal_predictions(load_model(tmp_path / "m.safetensors"), model)


def test_the_card_says_what_the_model_is_and_what_was_added(stored):
    card = read_card(stored)
    assert card["format"] == FORMAT
    assert card["labels"] == list(LABELS)
    assert card["thresholds"] == {n: list(v) for n, v in fitted().thresholds_.items()}
    assert card["scores"] == {"text": {"line_f1": 0.9}}
    assert card["versions"]["python"] == platform.python_version()
    assert card["versions"]["scikit-learn"] == sklearn.__version__
    assert card["versions"]["linesift"] == metadata.version("linesift")
    parameters = {
        k: list(v) if k == "ngram_orders" else v for k, v in fitted().get_params().items()
    }
    assert card["parameters"] == parameters


def test_parameters_may_be_numbers_of_numpy(tmp_path):
    odd = {"ngram_head": np.int64(64), "trees": np.int64(2), "shorten": np.float32(0.5)}
    labelled = made_pages(TRAIN_SITES)
    model = LineClassifier(**{**TINY, **odd}, hide_markup=np.True_)
    model.fit(labelled.pages, labelled.labels)
    save_model(tmp_path / "m.safetensors", model, make_card(model))
    assert_equal_predictions(load_model(tmp_path / "m.safetensors"), model)
    parameters = read_card(tmp_path / "m.safetensors")["parameters"]
    assert {name: parameters[name] for name in odd} == odd
    assert parameters["hide_markup"] is True


# -------------------------------------------------------------------------- refusals


def parts(path: Path) -> tuple[dict, dict, dict[str, np.ndarray]]:
    """Return card, description and arrays of a model file."""
    with safe_open(path, "np") as file:
        content = json.loads(file.metadata()["linesift"].partition("\n")[2])
    return content["card"], content["model"], load_file(path)


def forge(
    path: Path,
    card: object,
    described: object,
    arrays: dict[str, np.ndarray],
    columns: str | None = None,
) -> Path:
    """Write a model file as a stranger could: the digest is right, whatever it holds."""
    columns = model_file._columns() if columns is None else columns
    content = json.dumps({"card": card, "columns": columns, "model": described})
    digest = model_file._digest(content, arrays)
    save_file(arrays, path, metadata={"linesift": f"{digest}\n{content}"})
    return path


def test_equal_models_are_equal_files(tmp_path):
    card = make_card(fitted())
    for name in ("one", "other"):
        save_model(tmp_path / name, fitted(), card)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_model_of_other_columns_is_refused_with_what_to_do(stored, tmp_path):
    path = forge(tmp_path / "m.safetensors", *parts(stored), columns="other")
    with pytest.raises(ModelError, match="looks at other columns than this linesift; train"):
        load_model(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": FORMAT + 1}, f"expected format {FORMAT}, got {FORMAT + 1}; train it again"),
        ({"format": None}, f"expected format {FORMAT}, got None; train it again"),
    ],
)
def test_a_file_of_another_format_is_refused_with_what_to_do(stored, tmp_path, changes, message):
    card, *model = parts(stored)
    path = forge(tmp_path / "other.safetensors", card | changes, *model)
    with pytest.raises(ModelError, match=f"other.safetensors: {message}"):
        load_model(path)


@pytest.mark.parametrize("versions", [{"scikit-learn": "0.99.1"}, {}, None])
def test_the_scikit_learn_that_fitted_a_model_makes_no_difference(stored, tmp_path, versions):
    card, *model = parts(stored)
    path = forge(tmp_path / "old.safetensors", card | {"versions": versions}, *model)
    assert_equal_predictions(load_model(path), fitted())


def test_a_model_is_loaded_and_predicts_without_scikit_learn(stored):
    code = (
        "import sys, linesift; page = linesift.read_text('Menu')\n"
        f"linesift.load_model({str(stored)!r}).predict_lines([page])\n"
        "slow = {'sklearn', 'scipy', 'pandas', 'mlflow', 'hydra'} & {*sys.modules}\n"
        "sys.exit(', '.join(slow) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("card", [[], "card", 3, None])
def test_a_card_that_is_no_object_is_refused(stored, tmp_path, card):
    path = forge(tmp_path / "m.safetensors", card, *parts(stored)[1:])
    for read in (load_model, read_card):
        with pytest.raises(ModelError, match="not a model file of linesift"):
            read(path)


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("dump", [pickle.dumps, lambda value: joblib_bytes(value)])
def test_a_pickle_is_refused_without_running_its_code(dump, tmp_path):
    marker = tmp_path / "ran"
    path = tmp_path / "model.safetensors"
    path.write_bytes(dump(Hostile(marker)))
    with pytest.raises(ModelError, match="not a model file of linesift"):
        load_model(path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Hostile(marker)))
    assert marker.exists()  # so it would have run


def joblib_bytes(value: object) -> bytes:
    data = io.BytesIO()
    joblib.dump(value, data)
    return data.getvalue()


@pytest.mark.parametrize(
    "described",
    [
        {"type": "ModelError", "fields": {}},
        {"type": "os.system", "fields": {"command": "true"}},
        {"type": "LineModel", "fields": {}},
        {"type": "Network", "fields": {"scale": {"array": "model.line_network.scale"}}},
        {"type": "RunRule", "fields": {"page": 1}},
        {"array": "no such array"},
        {"other": 1},
    ],
    ids=str,
)
def test_what_is_no_model_of_ours_is_refused(stored, tmp_path, described):
    card, _, arrays = parts(stored)
    path = forge(tmp_path / "m.safetensors", card, described, arrays)
    with pytest.raises(ModelError, match="m.safetensors: not a model that this linesift can use"):
        load_model(path)


@pytest.mark.parametrize("described", [1, None, "LineModel", [], {"array": "model.kinds"}], ids=str)
def test_what_is_harmless_but_no_model_is_refused(stored, tmp_path, described):
    card, _, arrays = parts(stored)
    path = forge(tmp_path / "m.safetensors", card, described, arrays)
    with pytest.raises(ModelError, match="expected a fitted model of linesift"):
        load_model(path)


def test_an_array_of_another_size_or_type_is_refused(stored, tmp_path):
    card, described, arrays = parts(stored)
    assert len(arrays) > 20
    for name, array in arrays.items():
        longer = np.concatenate([array, array[:1]])
        for value in (longer, np.zeros(array.shape, np.float16), array[None]):
            path = forge(tmp_path / "m.safetensors", card, described, arrays | {name: value})
            with pytest.raises(ModelError, match="not a model that this linesift can use"):
                load_model(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ngram_orders", [1_000_000]),
        ("ngram_orders", [1]),
        ("ngram_orders", 3),
        ("ngram_orders", []),
        ("ngram_orders", [3, 3]),
        ("ngram_orders", [3.0]),
        ("ngrams", None),
        ("ngrams", 1),
        ("paths", "x"),
        ("paths", {"type": "RunRule", "fields": {}}),
        ("ngram_head", 3.5),
        ("ngram_head", 10**12),
        ("ngram_tail", -1),
        ("context_networks", []),
        ("line_network", None),
        ("kinds", None),
        ("thresholds_", {"mapping": {"balanced": [0.5]}}),
        ("thresholds_", {"mapping": {"balanced": [7, 0, 0]}}),
        ("thresholds_", {"mapping": {}}),
    ],
)
def test_a_setting_out_of_bounds_is_refused(stored, tmp_path, field, value):
    card, described, arrays = parts(stored)
    described["fields"][field] = value
    path = forge(tmp_path / "m.safetensors", card, described, arrays)
    with pytest.raises(ModelError, match="not a model that this linesift can use"):
        load_model(path)


def large(array: np.ndarray) -> np.ndarray:
    return np.full_like(array, np.finfo(array.dtype).max)


@pytest.mark.parametrize("change", [large, lambda a: -large(a), lambda a: a * 1e20])
def test_no_number_of_a_file_makes_a_judgement_that_is_none(stored, tmp_path, change):
    card, described, arrays = parts(stored)
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            continue
        with np.errstate(over="ignore"):
            changed = np.nan_to_num(change(array))
        path = forge(tmp_path / "m.safetensors", card, described, arrays | {name: changed})
        try:
            model = load_model(path)
        except ModelError:
            continue
        for probability in model.predict_proba(PAGES):
            assert np.isfinite(probability).all(), name


def test_columns_whose_sums_would_hang_on_their_company_are_refused(stored, tmp_path):
    card, described, arrays = parts(stored)
    name = "model.line_network.hidden_weights"
    for changed in (arrays[name] + np.float32(0.5), arrays[name] * np.float32(4)):
        path = forge(tmp_path / "m.safetensors", card, described, arrays | {name: changed})
        with pytest.raises(ModelError, match="whole numbers|too large to be exact"):
            load_model(path)


def test_a_small_file_cannot_ask_for_hours_or_for_all_memory(stored, tmp_path):
    card, described, arrays = parts(stored)
    fields = described["fields"]
    often = described | {"fields": fields | {"context_networks": fields["context_networks"] * 99}}
    path = forge(tmp_path / "m.safetensors", card, often, arrays)
    with pytest.raises(ModelError, match="context_networks: expected up to 16"):
        load_model(path)
    stumps = {"columns": np.int32, "borders": np.float32, "struck": np.uint32}
    many = {f"model.trees.{name}": np.zeros((0, 1_000_000), t) for name, t in stumps.items()}
    many |= {"model.trees.values": np.zeros((1, 1_000_000))}
    path = forge(tmp_path / "m.safetensors", card, described, arrays | many)
    with pytest.raises(ModelError, match="expected up to 10000 trees, got 1000000"):
        load_model(path)


def test_a_card_too_large_to_be_read_is_neither_written_nor_read(stored, tmp_path):
    path = forge(tmp_path / "m.safetensors", {"x": [[]] * 2_000_000}, *parts(stored)[1:])
    for read in (load_model, read_card):
        with pytest.raises(ModelError, match="not a model file of linesift"):
            read(path)
    with pytest.raises(ValueError, match="the card takes more than"):
        save_model(tmp_path / "new.safetensors", RunRule(), {"x": [[]] * 2_000_000})
    assert not (tmp_path / "new.safetensors").exists()


def test_a_header_nested_without_end_is_refused(tmp_path):
    header = b"[" * 200_000
    path = tmp_path / "deep.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelError, match="not a model file of linesift"):
        load_model(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(stored, tmp_path, share):
    data = stored.read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelError, match="cut.safetensors: (not a|damaged) model file"):
        load_model(path)


def test_of_a_thousand_files_with_a_flipped_bit_none_is_loaded_as_another_model(stored, tmp_path):
    data, path = bytearray(stored.read_bytes()), tmp_path / "flipped.safetensors"
    header = int.from_bytes(data[:8], "little") + 8
    rng = np.random.default_rng(0)
    refused = 0
    for k in range(1000):
        # Every second one in the header: that is small, and where a parser could be led astray.
        place, bit = rng.integers(header if k % 2 else len(data)), 1 << rng.integers(8)
        data[place] ^= bit
        path.write_bytes(data)
        data[place] ^= bit
        try:
            model = load_model(path)
        except ModelError as error:
            assert str(error).startswith(f"{path}: ")
            refused += 1
        else:
            assert_equal_predictions(model, fitted())
    assert refused > 990


def test_a_pinned_file_is_loaded_and_no_other(stored, tmp_path):
    digest = model_digest(stored)
    assert_equal_predictions(load_model(f"{stored}#sha256={digest.upper()}"), fitted())
    other = tmp_path / "other.safetensors"
    save_model(other, RunRule(), make_card(RunRule()))
    for pin in (digest, "", "0"):
        with pytest.raises(ModelError, match=f"other.safetensors: expected .* SHA-256 {pin}, got"):
            load_model(f"{other}#sha256={pin}")


@pytest.mark.parametrize(
    ("name", "message"), [("missing.safetensors", "No such file"), (".", "Is a directory")]
)
def test_what_is_not_a_file_is_named_with_the_reason(tmp_path, name, message):
    for read in (load_model, read_card):
        with pytest.raises(ModelError, match=message):
            read(tmp_path / name)


# ---------------------------------------------------------------------------- writing


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_nothing_else(
    stored, tmp_path, monkeypatch
):
    path = tmp_path / "model.safetensors"
    path.write_bytes(stored.read_bytes())

    def full_disk(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        save_model(path, RunRule(), make_card(RunRule()))
    assert path.read_bytes() == stored.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_card_that_cannot_be_written_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        save_model(tmp_path / "model.safetensors", RunRule(), {"what": object()})
    assert list(tmp_path.iterdir()) == []


def test_the_file_may_be_read_by_others(stored):
    assert stored.stat().st_mode & 0o777 == 0o644


# --------------------------------------------------------------------- the shipped one


SHIPPED = resources.files("linesift") / "shipped.safetensors"
shipped = pytest.mark.skipif(not SHIPPED.is_file(), reason="no model ships with this copy")


@shipped
def test_the_shipped_model_is_small_and_says_how_good_it_is():
    assert len(SHIPPED.read_bytes()) < 5_000_000
    card = read_card()
    assert card["scores"]["text"]["line_f1"][0] > 0.5
    assert card["data"]["train_digest"] != card["data"]["test_digest"]


@shipped
def test_the_shipped_model_reads_the_pages_that_the_readme_shows_right():
    """Real pages that no training sees: what somebody who tries it looks at first."""
    pages = read_label_folder(Path(__file__).parents[1] / "data" / "pages")
    shown = pages.select([page.page_id.endswith("-geneva-talks") for page in pages.pages])
    scores = evaluate("shipped", load_model(), shown, forms=("text",)).forms["text"].scores
    lines = scores.columns
    f1 = 2 * lines["true"] / (2 * lines["true"] + lines["false"] + lines["missed"])
    assert len(f1) == 2
    assert (f1 >= 0.95).all(), f1


@pytest.mark.skipif(SHIPPED.is_file(), reason="a model ships with this copy")
def test_a_copy_without_a_model_says_how_to_get_one():
    with pytest.raises(ModelError, match="--model.*python train.py"):
        load_model()
