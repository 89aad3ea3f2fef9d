"""Figures of a run, drawn by matplotlib without a display."""

from typing import TYPE_CHECKING, Any

import numpy as np

from linesift.labelling.labels import LABELS
from linesift.scoring.metrics import calibration_points, estimates, precision_recall_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"text": "#0072b2", "markup": "#d55e00"}
_NAMES = {"text": "text only", "markup": "with markup"}


def _figure(title: str, x: str, y: str, *, width: float = 6.0) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes


def draw(report: Any, curve: list[tuple[int, float]]) -> dict[str, "Figure"]:
    """Return the figures of a report by file name.

    Parameters
    ----------
    report : linesift.scoring.evaluate.Report
    curve : list of (int, float)
        Pages trained on and line F1; no figure if empty.
    """
    figures = {
        "precision_recall.png": precision_recall(report),
        "calibration.png": calibration(report),
        "confusion.png": confusion(report),
        "f1_by_group.png": f1_by_group(report),
    }
    if curve:
        figures["learning_curve.png"] = learning_curve(curve)
    return figures


def precision_recall(report: Any) -> "Figure":
    """Return precision over recall of content lines, with what is kept."""
    figure, axes = _figure("Content lines: precision and recall", "recall", "precision")
    for name, form in report.forms.items():
        _, precision, recall = precision_recall_points(form.labelled.labels, form.probabilities)
        axes.plot(recall, precision, color=_COLOURS[name], label=_NAMES[name])
        pooled = form.groups["all"]
        if pooled["line_recall_pooled"].value:
            # Each page has a threshold of its own, so the dot need not be on the curve.
            dot = pooled["line_recall_pooled"].value, pooled["line_precision_pooled"].value
            axes.plot(*dot, "o", color=_COLOURS[name])
    axes.set(xlim=(0.5, 1.005), ylim=(0.5, 1.005))
    axes.legend(title="dot: what is kept", loc="lower left")
    return figure


def calibration(report: Any) -> "Figure":
    """Return how often lines of a probability are content."""
    figure, axes = _figure(
        "Calibration: how often a probability comes true",
        "probability of content",
        "share of lines that are content",
    )
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfect")
    for name, form in report.forms.items():
        error = estimates(form.scores)["calibration_error"].value
        axes.plot(
            *calibration_points(form.scores),
            "o-",
            color=_COLOURS[name],
            label=f"{_NAMES[name]}, error {error:.3f}",
        )
    axes.legend(loc="upper left")
    return figure


def confusion(report: Any) -> "Figure":
    """Return true against given labels, as shares of the true ones."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0 * len(report.forms), 4.5), layout="constrained")
    for axes, (name, form) in zip(
        figure.subplots(1, len(report.forms), squeeze=False)[0], report.forms.items(), strict=True
    ):
        counts = form.scores.confusion.sum(axis=0)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            axes.text(
                column,
                row,
                f"{share:.1%}\n{counts[row, column]:,.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share > 0.5 else "black",
            )
        axes.set_xticks(range(len(LABELS)), LABELS)
        axes.set_yticks(range(len(LABELS)), LABELS)
        axes.set(title=_NAMES[name], xlabel="given label", ylabel="true label")
    return figure


def f1_by_group(report: Any) -> "Figure":
    """Return line F1 of each language and corpus with its interval."""
    groups = list(next(iter(report.forms.values())).groups)
    figure, axes = _figure("Line F1 by language and corpus", "line F1 (95 % interval)", "", width=8)
    for shift, (name, form) in zip((-0.15, 0.15), report.forms.items(), strict=False):
        shown = [(k, form.groups[g]["line_f1"]) for k, g in enumerate(groups) if g in form.groups]
        values = np.array([score.value for _, score in shown])
        bounds = np.array([[s.value - s.low, s.high - s.value] for _, s in shown]).T
        axes.errorbar(
            values,
            np.array([k for k, _ in shown]) + shift,
            xerr=np.maximum(bounds, 0),
            fmt="o",
            capsize=3,
            color=_COLOURS[name],
            label=_NAMES[name],
        )
    axes.set_yticks(range(len(groups)), groups)
    axes.invert_yaxis()
    axes.legend(loc="best")
    return figure


def learning_curve(curve: list[tuple[int, float]]) -> "Figure":
    """Return line F1 over the number of pages trained on."""
    figure, axes = _figure("Learning curve, text only", "pages trained on", "line F1")
    axes.plot(*zip(*curve, strict=True), "o-", color=_COLOURS["text"])
    axes.set_xscale("log")
    return figure
