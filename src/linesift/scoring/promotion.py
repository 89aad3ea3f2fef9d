"""Whether a model may take the place of the champion: a gate, then a paired comparison.

The gate is the floor that changes of the code are held against too. Beyond it a candidate
has to be better than the champion by more than chance: on the same pages, resampled by
site, for pages as text or with markup, and worse in neither. The floor itself
comes from several trainings that differ in the seed alone: what falls below it is not luck.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from linesift.labelling.labels import OWN_TEXT
from linesift.scoring.evaluate import Report, check_floor
from linesift.scoring.metrics import LOSSES, Estimate, differences, signed

DECIDING = "line_f1"
"""The score by which a candidate has to be better."""

SCORES = (DECIDING, "character_f1", "text_f1", "short_content_recall", "related_kept")
"""What a table of the differences shows."""

_READS = {"text": "text only", "markup": "markup"}

FEWEST_SEEDS = 5
"""Trainings below which their deviation says too little to set a floor by."""

_DEVIATIONS = 2  # that a floor lies below the mean
_FLOOR_OF_ALL = (
    *("line_f1", "character_f1", "text_f1", "short_content_recall", "related_kept"),
    *("failed_pages", "calibration_error", "f1_related", "f1_navigation", "f1_other"),
    "no_article_kept",
)
_FLOOR_OF_KIND = {
    "language": ("line_f1", "character_f1"),
    "articles": ("line_f1", "character_f1"),
    "type": ("line_f1", "character_f1"),
    "corpus": ("line_f1",),
}


@dataclass(frozen=True)
class Verdict:
    """What became of a candidate.

    Parameters
    ----------
    promoted : bool
    reason : str
        In words, what decided.
    short : list of str
        Where it falls below the floor, a sentence each.
    higher : dict of str to dict of str to Estimate
        By form and score, how much higher the candidate is than the champion; empty
        without a champion.
    """

    promoted: bool
    reason: str
    short: list[str]
    higher: dict[str, dict[str, Estimate]]


def judge(candidate: Report, champion: Report | None, floor: Mapping[str, Any]) -> Verdict:
    """Decide whether a candidate may become the champion.

    Parameters
    ----------
    candidate : Report
    champion : Report or None
        On the same pages; None if there is no champion yet.
    floor : mapping
        As in `check_floor`.

    Raises
    ------
    ValueError
        The reports are of other pages.
    """
    higher = _higher(candidate, champion) if champion is not None else {}
    short = check_floor(candidate, floor)
    if short:
        scores = "1 score falls" if len(short) == 1 else f"{len(short)} scores fall"
        return Verdict(False, f"{scores} short of the floor", short, higher)
    if champion is None:
        return Verdict(True, "it holds the floor, and there is no champion yet", [], {})
    deciding = {_READS[form]: scores[DECIDING] for form, scores in higher.items()}
    better = [reads for reads, by in deciding.items() if by.low > 0]
    worse = [reads for reads, by in deciding.items() if by.high < 0]
    shown = "; ".join(f"{reads} {signed(by)}" for reads, by in deciding.items())
    if worse:
        return Verdict(False, f"line F1 is lower on {' and '.join(worse)} ({shown})", [], higher)
    if not better:
        reason = f"line F1 is not higher than the champion's by more than chance ({shown})"
        return Verdict(False, reason, [], higher)
    return Verdict(True, f"line F1 is higher on {' and '.join(better)} ({shown})", [], higher)


def _higher(candidate: Report, champion: Report) -> dict[str, dict[str, Estimate]]:
    if candidate.digest != champion.digest:
        raise ValueError("candidate and champion were scored on other pages")
    return {
        form: differences(result.scores, champion.forms[form].scores)
        for form, result in candidate.forms.items()
    }


@dataclass(frozen=True)
class SeedScore:
    """One score of several trainings that differ in the seed, and the floor that it gives.

    Parameters
    ----------
    form, group, score : str
        As in a `Report`.
    mean, deviation : float
        Over the trainings; the deviation is that of a sample.
    """

    form: str
    group: str
    score: str
    mean: float
    deviation: float

    @property
    def floor(self) -> float:
        """Mean minus two deviations, of a loss plus two; rounded outwards to three decimals.

        >>> SeedScore("text", "all", "line_f1", 0.9, 0.0042).floor
        0.891
        >>> SeedScore("text", "all", "related_kept", 0.02, 0.0042).floor
        0.029
        """
        if self.score in LOSSES:
            return math.ceil(1000 * (self.mean + _DEVIATIONS * self.deviation)) / 1000
        return math.floor(1000 * (self.mean - _DEVIATIONS * self.deviation)) / 1000


def seed_scores(reports: Sequence[Report]) -> list[SeedScore]:
    """Return every score that a floor holds, over trainings that differ in the seed.

    Of all pages those that users meet first; of languages, kinds of hard articles and page types
    line and character F1; of corpora line F1. Listings and collections are left out: they
    have no content of their own.

    Parameters
    ----------
    reports : sequence of Report
        One a training, of the same pages; at least `FEWEST_SEEDS`.

    Raises
    ------
    ValueError
        There are too few, or they are of other pages.
    """
    if len(reports) < FEWEST_SEEDS:
        raise ValueError(f"expected {FEWEST_SEEDS} trainings or more, got {len(reports)}")
    if len({report.digest for report in reports}) > 1:
        raise ValueError("the trainings were scored on other pages")
    found = []
    for form, result in reports[0].forms.items():
        for group in result.groups:
            for score in _floor_scores(group):
                values = [one.forms[form].groups[group][score].value for one in reports]
                mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
                found.append(SeedScore(form, group, score, mean, deviation))
    return found


def _floor_scores(group: str) -> tuple[str, ...]:
    kind, _, name = group.partition(":")
    if kind == "type" and name not in OWN_TEXT:
        return ()
    return _FLOOR_OF_KIND.get(kind, ()) if name else _FLOOR_OF_ALL


def floors_of(scores: Sequence[SeedScore]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the floors by form, group and score, as `check_floor` takes them."""
    floors: dict[str, dict[str, dict[str, float]]] = {}
    for one in scores:
        floors.setdefault(one.form, {}).setdefault(one.group, {})[one.score] = one.floor
    return floors
