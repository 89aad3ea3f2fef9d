"""The registered model behind `mlflow models serve`, asked as other programs ask it."""

import json
import runpy
import sys
import urllib.error
import urllib.request
from types import ModuleType

import pytest

from linesift import load_model, read_html, read_text
from linesift.labelling.labels import OWN_TEXT
from linesift.tracking.registry import Registry
from tests.documented import ROOT
from tests.made_pages import made_page
from tests.tracked import free_port, mlflow_server, track, tracker_in

mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
TEXT = "Home\nIt rained all day, they said, and the river rose.\nMenu"
HTML = made_page(9, 0)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path, before = tmp_path_factory.mktemp("served"), mlflow.get_tracking_uri()
    tracker = tracker_in(path)
    track(tracker, path, "served")
    Registry(tracker.uri, "sifter").point("champion", "1", "because it is the only one")
    yield path
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def address(folder):
    command = ("models", "serve", "--model-uri", "models:/sifter@champion", "--env-manager")
    with mlflow_server(folder, *command, "local", port=free_port(), ready="/ping") as found:
        yield f"{found}/invocations"


def ask(address: str, body: bytes, kind: str = "application/json") -> tuple[int, str]:
    request = urllib.request.Request(address, body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def pages(address: str, *inputs: object) -> list[dict]:
    status, answer = ask(address, json.dumps({"inputs": inputs}).encode())
    assert status == 200, answer
    return json.loads(answer)["predictions"]


@pytest.mark.parametrize(("given", "read"), [(TEXT, read_text), (HTML, read_html)])
def test_a_page_goes_out_with_text_labels_and_probabilities(address, folder, given, read):
    (found,) = pages(address, given)
    page = read(given)
    (expected,) = load_model(folder / "model.safetensors").predict_lines([page])
    assert found["lines"] == list(page.lines)
    assert found["labels"] == expected.labels
    assert found["probabilities"] == pytest.approx(expected.probabilities.tolist(), abs=1e-6)
    assert (found["text"], found["error"]) == (expected.text, "")


def test_several_pages_go_out_in_their_order(address):
    alone = [pages(address, one)[0] for one in (TEXT, HTML)]
    assert pages(address, TEXT, HTML) == alone
    assert pages(address, HTML, TEXT) == alone[::-1]


def test_nothing_in_is_nothing_out(address):
    assert pages(address) == []
    assert pages(address, "") == [
        {
            "text": "",
            "page_type": None,
            "page_type_probability": None,
            "lines": [],
            "labels": [],
            "probabilities": [],
            "error": "",
        }
    ]


def test_a_request_may_say_of_which_page_types_text_is_kept(address):
    for wanted, status in ((["all"], 200), (["forum", "article"], 200), (["news"], 400)):
        body = {"inputs": [TEXT], "params": {"page_types": wanted}}
        answered, answer = ask(address, json.dumps(body).encode())
        assert answered == status, answer
        if status == 200:
            # This model tells no types, so that all that it takes for content comes out.
            assert json.loads(answer)["predictions"] == pages(address, TEXT)
        else:
            assert "page_types: expected 'all' or some of article" in answer


def test_a_page_that_cannot_be_read_says_why_and_the_others_go_on(address):
    picture, page = pages(address, "GIF89a", TEXT)
    assert picture["error"].startswith("not text or HTML")
    assert (picture["text"], picture["lines"]) == ("", [])
    assert page == pages(address, TEXT)[0]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"inputs": "a string"}', "Expected list, but got str"),
        (b'{"inputs": [1]}', "Expected type str, but got int"),
        (b'{"inputs": [null]}', "Expected type str, but got NoneType"),
        (b'{"inputs": {"a": 1}}', "Expected list, but got dict"),
        (b'{"pages": ["It rained."]}', "'inputs' key"),
        (b'["It rained."]', "Received a list"),
        (b"It rained.", "valid JSON"),
        (b"", "valid JSON"),
    ],
)
def test_a_bad_request_is_refused_with_its_reason(address, body, reason):
    status, answer = ask(address, body)
    assert status == 400
    assert reason in json.loads(answer)["message"]


def test_another_content_type_is_refused_with_those_that_are_known(address):
    status, answer = ask(address, b"It rained.", "text/plain")
    assert status == 415
    assert "application/json" in answer


def test_the_signature_and_an_example_of_both_kinds_of_pages_are_stored(folder):
    info = mlflow.models.get_model_info("models:/sifter@candidate")
    assert [str(column.type) for column in info.signature.inputs.inputs] == ["DataType.string"]
    (page_types,) = info.signature.params.params
    assert (page_types.name, page_types.default) == ("page_types", list(OWN_TEXT))
    (page,) = info.signature.outputs.inputs
    assert {one.name for one in page.type.properties} == {
        "text",
        "page_type",
        "page_type_probability",
        "lines",
        "labels",
        "probabilities",
        "error",
    }
    text, html = mlflow.pyfunc.load_model("models:/sifter@candidate").input_example
    assert "<" not in text
    assert html.startswith("<!doctype html>")


def test_the_spark_example_stores_the_shipped_model_in_that_form(tmp_path, monkeypatch):
    # Spark is seldom installed where these tests run, and this needs nothing of it.
    for name in ("pyspark", "pyspark.sql", "pyspark.sql.functions"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for name in ("DataFrame", "SparkSession"):
        monkeypatch.setattr(sys.modules["pyspark.sql"], name, type(name, (), {}), raising=False)
    monkeypatch.setattr(sys.modules["pyspark"], "sql", sys.modules["pyspark.sql"], raising=False)
    for name in ("coalesce", "col", "lit"):
        monkeypatch.setattr(sys.modules["pyspark.sql.functions"], name, object, raising=False)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)  # the example sets what is not set
    example = runpy.run_path(str(ROOT / "examples" / "crawl_spark.py"))
    stored = mlflow.pyfunc.load_model(example["store_model"](str(tmp_path)))
    (found,) = stored.predict([TEXT])
    assert found.text == load_model().extract_text(read_text(TEXT))
