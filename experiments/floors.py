r"""Set the floor of the test sites: `python experiments/floors.py models/seed-*.safetensors`.

The models are the shipped one trained again with other seeds, five of them or more:

    for K in 1 2 3 4 5; do
        python train.py experiments=shipped model.random_state=$K \
            paths.model_file=models/seed-$K.safetensors
    done

Each is scored on the test sites as `linesift evaluate` does. The floor of a score is its mean
minus two standard deviations over the seeds (plus two where less is better), and goes into
tests/quality_floor.json. Printed is every score with its mean, deviation and floor.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from linesift import load_model
from linesift.labelling.corpora import read_test_pages
from linesift.models.model_file import ModelError, read_card
from linesift.scoring.evaluate import evaluate
from linesift.scoring.promotion import FEWEST_SEEDS, floors_of, seed_scores

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Score the models, write the floor, and print what it was made of."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("models", nargs="+", help="model files that differ in the seed")
    parser.add_argument("--lines", type=Path, default=ROOT / "data" / "lines")
    parser.add_argument("--output", type=Path, default=ROOT / "tests" / "quality_floor.json")
    options = parser.parse_args()
    try:
        check_models(options.models)
    except (ValueError, ModelError) as error:
        sys.exit(f"floors.py: {error}")
    pages = read_test_pages(options.lines)
    reports = []
    for path in options.models:
        print(f"scoring {path}", file=sys.stderr, flush=True)
        reports.append(evaluate("linesift", load_model(path), pages))
    scores = seed_scores(reports)
    floor = {
        "digest": reports[0].digest,
        "measured_with": "python experiments/floors.py",
        "seeds": len(reports),
        "floors": floors_of(scores),
    }
    options.output.write_text(f"{json.dumps(floor, indent=2)}\n", encoding="utf-8")
    print("| reads | pages of | score | mean | deviation | floor |")
    print("|---|---|---|---|---|---|")
    for one in scores:
        numbers = f"{one.mean:.4f} | {one.deviation:.4f} | {one.floor:.3f}"
        print(f"| {one.form} | {one.group} | {one.score} | {numbers} |")


def check_models(paths: Sequence[str]) -> None:
    """Raise a ValueError unless enough models learned the same and differ in the seed alone."""
    if len(paths) < FEWEST_SEEDS:
        raise ValueError(
            f"expected {FEWEST_SEEDS} models or more, got {len(paths)}; --help says how"
        )
    seeds: dict[int, str] = {}
    first = None
    for path in paths:
        card = read_card(path)
        settings = {k: v for k, v in card["parameters"].items() if k != "n_jobs"}
        seed = settings.pop("random_state", None)
        if seed in seeds:
            raise ValueError(f"{path} and {seeds[seed]} have the same seed, {seed}")
        seeds[seed] = path
        learned = settings, card.get("data", {}).get("train_digest")
        first = first or learned
        if learned != first:
            raise ValueError(f"{path}: other settings or training pages than {paths[0]}")


if __name__ == "__main__":
    main()
