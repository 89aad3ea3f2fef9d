"""Clean a crawl with datatrove: WARC -> lines -> linesift -> JSONL.

Needs `pip install 'linesift[scale]'` and the system library libmagic. The pipeline is the
same on any executor:

    python examples/crawl_datatrove.py WARCS OUTPUT --tasks 2
    python examples/crawl_datatrove.py WARCS OUTPUT --tasks 1000 --executor slurm --partition cpu
    python examples/crawl_datatrove.py WARCS OUTPUT --tasks 1000 --executor ray

WARCS and OUTPUT are folders, local or of any file system that fsspec knows (`s3://...`);
the cleaned pages are in `OUTPUT/pages`, logs and statistics in `OUTPUT/logs`. A file is
never split: more tasks than files do not help. Started again, finished tasks are skipped.
"""

from typing import Any

import click
from datatrove.executor import LocalPipelineExecutor, RayPipelineExecutor, SlurmPipelineExecutor
from datatrove.executor.base import PipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.readers import WarcReader
from datatrove.pipeline.writers import JsonlWriter

from linesift.crawling.scale import LineCleaner
from linesift.labelling.labels import OWN_TEXT


def build_pipeline(warcs: str, output: str, **options: Any) -> list[PipelineStep]:
    """Return the steps; the options are those of `LineCleaner`."""
    return [
        WarcReader(warcs),  # the HTML of each page as its text
        LineCleaner(**options),
        JsonlWriter(f"{output}/pages"),
    ]


def build_executor(
    name: str, pipeline: list[PipelineStep], output: str, tasks: int, partition: str, time: str
) -> PipelineExecutor:
    """Return what runs the tasks; Slurm alone wants a partition and a time limit."""
    shared = {"pipeline": pipeline, "tasks": tasks, "logging_dir": f"{output}/logs"}
    if name == "slurm":
        return SlurmPipelineExecutor(**shared, partition=partition, time=time)
    if name == "ray":
        return RayPipelineExecutor(**shared)
    return LocalPipelineExecutor(**shared)


@click.command()
@click.argument("warcs")
@click.argument("output")
@click.option("--tasks", default=2, show_default=True, help="Shares of the files, one core each.")
@click.option("--executor", type=click.Choice(["local", "slurm", "ray"]), default="local")
@click.option("--partition", default="cpu", show_default=True, help="Of Slurm.")
@click.option("--time", default="24:00:00", show_default=True, help="Limit of a Slurm task.")
@click.option("--model", metavar="FILE", help="A model file; default: the shipped one.")
@click.option("--page-types", metavar="TYPE,TYPE,...|all", default=",".join(OWN_TEXT))
@click.option("--keep-labels", is_flag=True, help="All lines and their labels in the metadata.")
def main(
    warcs: str,
    output: str,
    tasks: int,
    executor: str,
    partition: str,
    time: str,
    model: str | None,
    page_types: str,
    keep_labels: bool,
) -> None:
    """Clean the WARC files of a folder into JSONL files of another."""
    wanted = page_types.split(",")
    pipeline = build_pipeline(
        warcs, output, model=model, page_types=wanted, keep_labels=keep_labels
    )
    build_executor(executor, pipeline, output, tasks, partition, time).run()


if __name__ == "__main__":
    main()
