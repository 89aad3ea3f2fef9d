"""The MLflow model as a function of a Spark column: what it gives is what the command gives."""

import shutil

import pytest
from click.testing import CliRunner

from linesift import read_html, save_model
from linesift.cli import main
from linesift.models.model_file import make_card
from tests.made_pages import NEW_SITES, fitted, made_page

pytest.importorskip("pyspark", reason="needs the extra 'spark': pip install 'linesift[spark]'")

from pyspark.sql import SparkSession

from examples import crawl_spark

pytestmark = [
    pytest.mark.skipif(shutil.which("java") is None, reason="the extra 'spark' needs Java 17"),
    # Spark 4.3 says so of every pandas 3; a column of strings in and a struct out work.
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]

HTML = [made_page(site, number)[0] for site in NEW_SITES for number in range(3)]
TEXT = ["\r\n".join(read_html(html).lines) for html in HTML]
ODD = ["", " \n ", "\ufeff" + TEXT[0], TEXT[1] + "\x0b\u2028end of it", HTML[0] + "\0<p>more"]
PAGES = [*HTML, *TEXT, *ODD]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(path, fitted(), make_card(fitted()))
    return path


@pytest.fixture(scope="module")
def cleaned(model, tmp_path_factory) -> dict[int, dict]:
    """Rows that the example wrote, by page; after the pages come a picture and a missing one."""
    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    spark = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    try:
        rows = list(enumerate([*PAGES, "GIF89a", None]))
        pages = spark.createDataFrame(rows, "number int, text string").repartition(2)
        pages.write.parquet(str(folder / "pages"))
        stored = crawl_spark.store_model(str(folder), model)
        found = crawl_spark.clean(spark, spark.read.parquet(str(folder / "pages")), stored)
        found.write.parquet(str(folder / "cleaned"))
        written = spark.read.parquet(str(folder / "cleaned")).collect()
    finally:
        spark.stop()
    return {row["number"]: row.asDict() for row in written}


def test_an_article_is_what_the_command_prints(cleaned, model):
    for number, page in enumerate(PAGES):
        result = CliRunner().invoke(
            main, ["predict", "--model", str(model), "-"], input=page.encode()
        )
        assert cleaned[number]["cleaned"].encode() == result.stdout_bytes
        assert cleaned[number]["error"] == ""
    assert all(cleaned[number]["cleaned"] for number in range(len(HTML)))


def test_each_line_has_the_label_and_probability_that_the_library_gives(cleaned):
    expected = fitted().predict_lines([read_html(page) for page in HTML])
    for number, prediction in enumerate(expected):
        row = cleaned[number]
        assert row["lines"] == list(prediction.page.lines)
        assert row["labels"] == prediction.labels
        assert row["page_type"] is row["page_type_probability"] is None  # told by no such model
        assert row["probabilities"] == prediction.probabilities.tolist()


def test_the_columns_that_were_there_stay(cleaned):
    assert [cleaned[number]["text"] for number in range(len(PAGES))] == PAGES


def test_a_page_that_cannot_be_read_says_why_and_stops_nothing(cleaned):
    picture, missing = cleaned[len(PAGES)], cleaned[len(PAGES) + 1]
    assert picture["error"].startswith("not text or HTML")
    assert (picture["cleaned"], picture["lines"]) == ("", [])
    assert (missing["cleaned"], missing["lines"], missing["error"]) == ("", [], "")
