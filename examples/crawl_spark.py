"""Clean pages in Parquet with Spark: the MLflow model as a function of a column.

Needs `pip install 'linesift[spark]'` and Java 17. Here, or on a cluster whose Python has
linesift too:

    python examples/crawl_spark.py PAGES OUTPUT
    python examples/crawl_spark.py PAGES OUTPUT --model models:/linesift@candidate
    spark-submit --master yarn examples/crawl_spark.py s3a://.../pages s3a://.../cleaned

PAGES is Parquet with a column `text`, HTML or plain text. OUTPUT has all its columns and
`cleaned`, the article as `linesift predict` prints it; `page_type` and
`page_type_probability`; `lines`, `labels` and `probabilities`, of each line of the page;
`error`, why a page could not be read.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Else the workers are the first python3 of the PATH, which may lack linesift.
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

import click
import mlflow.pyfunc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import coalesce, col, lit

import linesift
from linesift.labelling.labels import OWN_TEXT

PACKAGE = Path(linesift.__file__).parent
RESULT = (
    "text string, page_type string, page_type_probability double, lines array<string>,"
    " labels array<string>, probabilities array<double>, error string"
)
FIELDS = ("page_type", "page_type_probability", "lines", "labels", "probabilities", "error")
ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


def store_model(folder: str, model_file: Path = PACKAGE / "shipped.safetensors") -> str:
    """Write a model file in the form that MLflow reads; return where."""
    path = f"{folder}/model"
    mlflow.pyfunc.save_model(
        path,
        python_model=str(PACKAGE / "tracking" / "mlflow_model.py"),
        artifacts={"model": str(model_file)},
        pip_requirements=["linesift"],
        input_example=(["It rained."], {"page_types": list(OWN_TEXT)}),
    )
    return path


def clean(
    spark: SparkSession, pages: DataFrame, model: str, page_types: Sequence[str] = OWN_TEXT
) -> DataFrame:
    """Return the pages with their articles, and a label and probability of each line."""
    # Spark hands over 10,000 rows at a time: a gigabyte of HTML. The model needs a few hundred.
    spark.conf.set(ROWS, "500")
    wanted = {"page_types": list(page_types)}
    sift = mlflow.pyfunc.spark_udf(
        spark, model, result_type=RESULT, env_manager="local", params=wanted
    )
    page = coalesce(col("text"), lit(""))  # a page that is missing has no lines
    fields = [col(f"page.{name}") for name in FIELDS]
    return pages.withColumn("page", sift(page)).select(
        *pages.columns, col("page.text").alias("cleaned"), *fields
    )


@click.command()
@click.argument("source", metavar="PAGES")
@click.argument("target", metavar="OUTPUT")
@click.option("--model", metavar="URI", help="A model in MLflow; default: the shipped one.")
@click.option("--page-types", metavar="TYPE,TYPE,...|all", default=",".join(OWN_TEXT))
def main(source: str, target: str, model: str | None, page_types: str) -> None:
    """Clean the pages of a Parquet data set into another."""
    spark = SparkSession.builder.appName("linesift").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        pages = spark.read.parquet(source)
        cleaned = clean(spark, pages, model or store_model(folder), page_types.split(","))
        cleaned.write.parquet(target)
    spark.stop()


if __name__ == "__main__":
    main()
