"""What two labelled pages of a site give: python experiments/teach_sites.py.

Sites of the corpora with six pages or more that the model has not been trained on. Of each,
two pages drawn at random are learned on top of the model, and the others are scored, with
and without what was learned, as plain text and with markup; several draws each. In brackets
stands what 95 of 100 draws give, of a site and of the mean; of the mean also what other
sites would give.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, UNSURE, LabelledPages
from linesift.models.model_file import load_model
from linesift.models.prediction import LinePredictor
from linesift.reading.page import Page
from linesift.training.site_classifier import SiteClassifier
from linesift.training.train import load_data

LINES = Path(__file__).resolve().parents[1] / "data" / "lines"
FEWEST, MOST = 6, 30  # pages of a site
ERRORS = ("wrong label", "wrongly kept or dropped")
FORMS = ("text only", "with markup")


def main() -> None:
    """Print the errors of each site, and by how much they fall over all."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--hold-out", choices=("test", "validation"), default="test")
    parser.add_argument("--model", help="a model not trained on these sites; the shipped one")
    parser.add_argument("--pages", type=int, default=2, help="labelled pages")
    parser.add_argument("--draws", type=int, default=10)
    options = parser.parse_args()
    data = load_data(pages=None, lines=LINES, hold_out=options.hold_out)
    base = load_model(options.model)
    of_site = defaultdict(list)
    for k, site in enumerate(data.test.sites):
        of_site[site].append(k)
    sites = {site: ks[:MOST] for site, ks in of_site.items() if len(ks) >= FEWEST}
    found = np.array(
        [
            taught(base, options, data.test.select(np.isin(np.arange(len(data.test)), ks)))
            for ks in sites.values()
        ]
    )  # sites, draws, without and with, forms, errors
    report(list(sites), found)


def taught(
    base: LinePredictor, options: argparse.Namespace, labelled: LabelledPages
) -> npt.NDArray[np.float64]:
    """Return errors of shape (draws, without and with, forms, kinds of error)."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(options.draws):
        learned = np.zeros(len(labelled), bool)
        learned[rng.permutation(len(labelled))[: options.pages]] = True
        some, others = labelled.select(learned), labelled.select(~learned)
        model = SiteClassifier(base=options.model).fit(some.pages, some.labels)
        rows.append([[errors(one, others, form) for form in FORMS] for one in (base, model)])
    return np.array(rows)


def errors(model: LinePredictor, labelled: LabelledPages, form: str) -> list[float]:
    """Return the share of lines with another label, and of those wrongly kept or dropped."""
    pages: Sequence[Page] = labelled.pages
    if form == "text only":
        pages = [page.without_markup() for page in pages]
    codes = [one.codes for one in model.predict_lines(pages)]
    found, truth = np.concatenate(codes), np.concatenate(labelled.labels)
    known = truth != UNSURE
    found, truth = found[known], truth[known]
    return [np.mean(found != truth), np.mean((found == CONTENT) != (truth == CONTENT))]


def report(sites: list[str], found: npt.NDArray[np.float64]) -> None:
    """Print a table of the sites, and the mean cut with intervals over sites and draws."""
    mean = found.mean(axis=1)
    rng = np.random.default_rng(0)
    for f, form in enumerate(FORMS):
        for e, error in enumerate(ERRORS):
            before, after = mean[:, 0, f, e], mean[:, 1, f, e]
            print(f"\n{form}, {error}")
            for k, site in enumerate(sites):
                # Pairs of draws: is it worse by more than two standard errors?
                worse = found[k, :, 1, f, e] - found[k, :, 0, f, e]
                noise = 2 * worse.std(ddof=1) / np.sqrt(len(worse))
                mark = " worse" if worse.mean() > max(noise, 1e-9) else ""
                of_draws = interval(found[k, :, 1, f, e], digits=4)
                print(f"  {site:24} {before[k]:.4f} -> {after[k]:.4f} {of_draws}{mark}")
            wrong = before > 0
            cut = 1 - after[wrong] / before[wrong]
            resampled = cut[rng.integers(len(cut), size=(2000, len(cut)))].mean(axis=1)
            # One draw of each site at random, against what the site has without it.
            drawn = found[:, :, 1, f, e][wrong][
                np.arange(len(cut)), rng.integers(found.shape[1], size=(2000, len(cut)))
            ]
            one_draw = 1 - drawn / before[wrong]
            print(f"  mean cut by site {cut.mean():.3f} {interval(resampled)} over sites, ", end="")
            print(f"{interval(one_draw.mean(axis=1))} over draws of the pages; ", end="")
            print(f"mean share {before.mean():.4f} -> {after.mean():.4f}, ", end="")
            print(f"cut {1 - after.sum() / before.sum():.3f}")


def interval(values: npt.NDArray[np.float64], digits: int = 3) -> str:
    """Return the bounds of the middle 95 % of some values."""
    low, high = np.quantile(values, [0.025, 0.975])
    return f"[{low:.{digits}f}, {high:.{digits}f}]"


if __name__ == "__main__":
    main()
