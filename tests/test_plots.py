import io

import numpy as np
import pytest

from linesift.labelling.labels import CONTENT
from linesift.scoring.evaluate import evaluate
from linesift.scoring.metrics import precision_recall_points
from linesift.scoring.plots import draw
from tests.made_pages import fitted, made_pages

LABELLED = made_pages(range(9, 24))
CURVE = [(5, 0.7), (10, 0.8), (20, 0.85)]


@pytest.fixture(scope="module")
def report():
    return evaluate("model", fitted(), LABELLED)


def axes_of(report, name: str, curve=()):
    return draw(report, list(curve))[name].axes


@pytest.mark.parametrize("forms", [("text",), ("markup",), ("text", "markup")])
def test_every_figure_is_drawn_without_a_display_whatever_was_scored(forms, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    figures = draw(evaluate("model", fitted(), LABELLED, forms=forms), CURVE)
    assert set(figures) == {
        "precision_recall.png",
        "calibration.png",
        "confusion.png",
        "f1_by_group.png",
        "learning_curve.png",
    }
    for figure in figures.values():
        data = io.BytesIO()
        figure.savefig(data, format="png")
        assert data.getvalue().startswith(b"\x89PNG")
        assert all(axes.get_title() for axes in figure.axes)


def test_a_learning_curve_is_drawn_only_if_there_is_one(report):
    assert "learning_curve.png" not in draw(report, [])
    line = axes_of(report, "learning_curve.png", CURVE)[0].lines[0]
    assert list(zip(*line.get_data(), strict=True)) == CURVE


def dots(axes) -> list[tuple[float, float]]:
    return [
        tuple(map(float, line.get_xydata()[0])) for line in axes.lines if len(line.get_xdata()) == 1
    ]


def test_the_dot_marks_precision_and_recall_at_the_threshold(report):
    for form, dot in zip(
        report.forms.values(), dots(axes_of(report, "precision_recall.png")[0]), strict=True
    ):
        pooled = form.groups["all"]
        assert dot[0] == pytest.approx(pooled["line_recall_pooled"].value)
        assert dot[1] == pytest.approx(pooled["line_precision_pooled"].value)


def test_along_the_curve_recall_runs_to_the_right(report):
    curve = axes_of(report, "precision_recall.png")[0].lines[0]
    _, precision, recall = precision_recall_points(
        report.forms["text"].labelled.labels, report.forms["text"].probabilities
    )
    assert curve.get_xdata().tolist() == recall.tolist()
    assert curve.get_ydata().tolist() == precision.tolist()


def test_there_is_no_dot_where_nothing_is_kept():
    nothing = evaluate("model", fitted(), LABELLED, threshold=1.0)
    assert nothing.forms["text"].groups["all"]["line_recall"].value == 0
    assert dots(axes_of(nothing, "precision_recall.png")[0]) == []


def test_the_confusion_shows_shares_of_the_true_label_and_counts(report):
    axes = axes_of(report, "confusion.png")
    assert [one.get_title() for one in axes] == ["text only", "with markup"]
    counts = report.forms["text"].scores.confusion.sum(axis=0)
    shown = [text.get_text().split("\n") for text in axes[0].texts]
    assert [int(count.replace(",", "")) for _, count in shown] == counts.ravel().tolist()
    shares = np.array([float(share.rstrip("%")) for share, _ in shown]).reshape(counts.shape)
    np.testing.assert_allclose(shares.sum(axis=1), 100, atol=0.3)
    assert shares[CONTENT, CONTENT] == pytest.approx(
        100 * counts[CONTENT, CONTENT] / counts[CONTENT].sum(), abs=0.06
    )


def test_every_group_has_its_score_with_its_interval(report):
    axes = axes_of(report, "f1_by_group.png")[0]
    groups = report.forms["text"].groups
    assert [label.get_text() for label in axes.get_yticklabels()] == list(groups)
    points = axes.containers[0].lines[0].get_xdata()
    assert points == pytest.approx([scores["line_f1"].value for scores in groups.values()])
