"""Score a model on labelled pages, and hold it against a floor.

Every page is scored as plain text and, where its HTML is known, with markup. Scores are
given overall and per language, corpus, page type, label and kind of hard article, each
with an interval over sites. Scored is what a user gets by default: what is taken for a
listing gives nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from linesift.labelling.labels import CONTENT, LABELS, UNSURE, LabelledPages, write_atomically
from linesift.models.features import LINE_FEATURES, Floats, line_features
from linesift.models.prediction import LinePredictor, PagePrediction, Predicted, page_predictions
from linesift.models.thresholds import Threshold
from linesift.reading.page import Batch, Page
from linesift.scoring.metrics import (
    LOSSES,
    SCORE_NAMES,
    Estimate,
    PageScores,
    calibration_points,
    estimates,
    precision_recall_points,
    score_pages,
)

FORMS = ("text", "markup")
"""How pages are shown: as plain text, and with what the HTML says."""

Predict = Callable[[list[Page]], Predicted]

_FEWEST_PAGES = 5  # a group of fewer says nothing
_SOME_TEXT = 200  # characters above which a page gives text
_PROSE_WORDS = 15
_LIST_LINES = 8


@dataclass(frozen=True)
class Form:
    """Scores of pages shown in one way.

    Parameters
    ----------
    scores : PageScores
        Counts per page.
    groups : dict of str to dict of str to Estimate
        Scores by group: `all`, `language:uk`, `corpus:hand`, `type:forum`, `articles:lists`.
    probabilities : list of ndarray of shape (n_lines, n_labels)
        What was said of each page.
    predictions : list of PagePrediction
        What came of it.
    labelled : LabelledPages
        The pages as they were shown.
    """

    scores: PageScores
    groups: dict[str, dict[str, Estimate]]
    probabilities: list[Floats]
    predictions: list[PagePrediction]
    labelled: LabelledPages


@dataclass(frozen=True)
class Report:
    """Scores of one system.

    Parameters
    ----------
    system : str
        What was scored.
    digest : str
        Of the labelled pages.
    threshold : Threshold
    forms : dict of str to Form
        By name, of `FORMS`.
    """

    system: str
    digest: str
    threshold: Threshold
    forms: dict[str, Form]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        return {
            "system": self.system,
            "digest": self.digest,
            "threshold": list(self.threshold),
            "forms": {
                name: {
                    "pages": len(form.labelled),
                    "sites": len(set(form.labelled.sites)),
                    "groups": {
                        group: {score: asdict(value) for score, value in scores.items()}
                        for group, scores in form.groups.items()
                    },
                }
                for name, form in self.forms.items()
            },
        }


def evaluate(
    system: str,
    predictor: LinePredictor,
    labelled: LabelledPages,
    *,
    threshold: float | str = "balanced",
    forms: Sequence[str] = FORMS,
) -> Report:
    """Return the scores of a model or rule on labelled pages.

    Parameters
    ----------
    system : str
        Its name in the report.
    predictor : LinePredictor
    labelled : LabelledPages
        Pages that it was not trained on.
    threshold : float or str
        As in `LinePredictor.predict_lines`.
    forms : sequence of str
        Which of `FORMS` to score; `markup` is left out where no page has any.
    """
    kept = predictor.threshold(threshold)
    return score_predictions(system, predictor.predicted, labelled, kept, forms)


def score_predictions(
    system: str,
    predict: Predict,
    labelled: LabelledPages,
    threshold: Threshold,
    forms: Sequence[str] = FORMS,
) -> Report:
    """Return the scores of what a function says of pages, as `LinePredictor.predicted` does."""
    if not len(labelled):
        raise ValueError("there are no labelled pages to score")
    shown: dict[str, LabelledPages] = {}
    if "text" in forms:
        shown["text"] = labelled.map_pages([page.without_markup() for page in labelled.pages])
    with_markup = np.array([page.markup is not None for page in labelled.pages])
    if "markup" in forms and with_markup.any():
        shown["markup"] = labelled.select(with_markup)
    return Report(
        system,
        labelled.digest(),
        threshold,
        {name: _score_form(pages, predict, threshold) for name, pages in shown.items()},
    )


def _score_form(labelled: LabelledPages, predict: Predict, threshold: Threshold) -> Form:
    predicted = predict(labelled.pages)
    predictions = page_predictions(labelled.pages, predicted, threshold)
    scores = score_pages(
        labelled,
        predicted.lines,
        [one.codes for one in predictions],
        _keeps_without_article(labelled, predict, threshold),
        [one.keep for one in predictions],
    )
    groups = {"all": estimates(scores)}
    masks = {
        f"{kind}:{value}": np.array(column) == value
        for kind, column in (
            ("language", scores.languages),
            ("corpus", scores.corpora),
            ("type", labelled.page_types),
        )
        for value in sorted(set(column) - {""})
    }
    for group, chosen in (masks | _hard_articles(labelled)).items():
        if chosen.sum() >= _FEWEST_PAGES and not chosen.all():
            groups[group] = estimates(scores, chosen)
    return Form(scores, groups, predicted.lines, predictions, labelled)


def _keeps_without_article(
    labelled: LabelledPages, predict: Predict, threshold: Threshold
) -> npt.NDArray[np.bool_]:
    """Tell which pages still give text once their article is taken out.

    What is left is like the page of a player or a section front: nothing to extract.
    """
    stripped = [
        page.select(np.flatnonzero((y != CONTENT) & (y != UNSURE)))
        for page, y in zip(labelled.pages, labelled.labels, strict=True)
    ]
    found = page_predictions(stripped, predict(stripped), threshold)
    kept = [sum(len(one.page.lines[i]) for i in np.flatnonzero(one.keep)) for one in found]
    return np.array(kept) > _SOME_TEXT


def _hard_articles(labelled: LabelledPages) -> dict[str, npt.NDArray[np.bool_]]:
    """Tell which articles are lists or tables, and which have more prose around them than in them.

    The first have at least eight lines and fewer sentences than other lines; around the
    second stand comments, as a rule.
    """
    batch = Batch.from_pages(labelled.pages)
    line = dict(zip(LINE_FEATURES, line_features(batch).T, strict=True))
    labels, page, n_pages = np.concatenate(labelled.labels), batch.page_of_line, len(labelled)
    is_content, is_noise = labels == CONTENT, (labels != CONTENT) & (labels != UNSURE)
    is_prose = line["log_words"] >= np.log1p(_PROSE_WORDS)

    def total(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.bincount(page, weights=values, minlength=n_pages)

    lines, sentences = total(is_content), total(is_content & (line["ends_sentence"] > 0))
    around = total((is_noise & is_prose) * batch.line_lengths)
    return {
        "articles:lists": (lines >= _LIST_LINES) & (sentences < lines / 2),
        "articles:outweighed": around > total(is_content * batch.line_lengths),
    }


def worst_lines(form: Form, most: int = 200) -> list[dict[str, Any]]:
    """Return the lines that the model is most surely wrong about, worst first.

    The text is cut to what a person needs to recognise the line.
    """
    rows: list[dict[str, Any]] = []
    for truth, prediction in zip(form.labelled.labels, form.predictions, strict=True):
        page = prediction.page
        wrong = (truth != UNSURE) & ((truth == CONTENT) != prediction.keep)
        left_out = f" of a {prediction.page_type}" if not prediction.is_wanted else ""
        for i in np.flatnonzero(wrong):
            rows.append(
                {
                    "page": page.page_id,
                    "line": page.numbers[i],
                    "true": LABELS[truth[i]],
                    "given": f"{LABELS[prediction.codes[i]]}{left_out}",
                    "probability": round(float(prediction.probabilities[i]), 3),
                    "threshold": round(prediction.threshold, 3),
                    "text": page.lines[i][:120],
                }
            )
    rows.sort(key=lambda row: -abs(row["probability"] - row["threshold"]))
    return rows[:most]


_SUMMARY = ("line_f1", "character_f1", "text_f1", "short_content_recall", "related_kept")
_POINTS = 200  # of a curve


def write_report(folder: str | Path, reports: Sequence[Report]) -> None:
    """Write `scores.json`, the overall `metrics.json`, and the first report's curves as CSV.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    reports : sequence of Report
        The first one is the model's.
    """
    folder = Path(folder)
    scores = {report.system: report.to_dict() for report in reports}
    summary = {
        report.system: {
            form: {name: round(result.groups["all"][name].value, 4) for name in _SUMMARY}
            for form, result in report.forms.items()
        }
        for report in reports
    }
    curve = ["reads,recall,precision,threshold"]
    calibration = ["reads,probability,share_content"]
    for form, result in reports[0].forms.items():
        points = np.column_stack(
            precision_recall_points(result.labelled.labels, result.probabilities)
        )
        for threshold, precision, recall in points[:: max(len(points) // _POINTS, 1)]:
            curve.append(f"{form},{recall:.4f},{precision:.4f},{threshold:.4f}")
        for probability, share in np.column_stack(calibration_points(result.scores)):
            calibration.append(f"{form},{probability:.4f},{share:.4f}")
    for name, text in {
        "scores.json": json.dumps(scores, indent=2),
        "metrics.json": json.dumps(summary, indent=2),
        "precision_recall.csv": "\n".join(curve),
        "calibration.csv": "\n".join(calibration),
    }.items():
        write_atomically(folder / name, f"{text}\n".encode())


def read_floor(path: str | Path) -> dict[str, Any]:
    """Return a floor from its file.

    Raises
    ------
    ValueError
        The file holds none.
    OSError
        The file cannot be read.
    """
    try:
        floor = json.loads(Path(path).read_text(encoding="utf-8"))
        groups = [scores for form in floor["floors"].values() for scores in form.values()]
        limits = [limit for scores in groups for limit in scores.items()]
        if not isinstance(floor["digest"], str):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path}: expected a floor with 'digest' and 'floors', by form and group"
        ) from error
    for name, limit in limits:
        if name not in SCORE_NAMES or type(limit) not in (int, float):
            raise ValueError(
                f"{path}: expected a number for one of {', '.join(SCORE_NAMES)}; "
                f"got {limit!r} for {name!r}"
            )
    return dict(floor)


def check_floor(report: Report, floor: Mapping[str, Any]) -> list[str]:
    """Return what falls short of a floor, one sentence each; nothing if all holds.

    Parameters
    ----------
    report : Report
    floor : mapping
        `digest` of the pages it was measured on, and `floors`: by form and group, the
        lowest value of scores (of `linesift.scoring.metrics.LOSSES` the highest).
    """
    if floor["digest"] != report.digest:
        return [
            f"the floor was measured on other pages (digest {floor['digest'][:12]}, "
            f"these have {report.digest[:12]}): measure it again"
        ]
    short = []
    for form, groups in floor["floors"].items():
        for group, limits in groups.items():
            scores = report.forms[form].groups.get(group) if form in report.forms else None
            for name, limit in limits.items():
                if scores is None:
                    short.append(f"{form}, {group}: not measured")
                    continue
                value = scores[name].value
                if (value > limit) if name in LOSSES else (value < limit):
                    short.append(f"{form}, {group}: {name} is {value:.3f}, the floor is {limit}")
    return short
