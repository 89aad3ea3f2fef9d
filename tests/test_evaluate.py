import json
import math
from dataclasses import replace

import numpy as np
import pytest

from linesift.labelling.labels import (
    CONTENT,
    LABELS,
    NAVIGATION,
    OTHER,
    PAGE_TYPES,
    UNSURE,
    LabelledPages,
    no_pages,
)
from linesift.models.baselines import RunRule
from linesift.models.prediction import Predicted, unknown_types
from linesift.models.thresholds import Threshold
from linesift.reading.page import Page
from linesift.scoring.evaluate import (
    check_floor,
    evaluate,
    score_predictions,
    worst_lines,
    write_report,
)
from linesift.scoring.metrics import SCORE_NAMES
from tests.made_pages import fitted, made_pages, typed_pages

HALF = Threshold(0.5)
LABELLED = made_pages(range(9, 24), corpus="one") + made_pages(range(24, 30), corpus="two")


def untyped(lines: list[np.ndarray]) -> Predicted:
    return Predicted(lines, unknown_types(len(lines)))


@pytest.fixture(scope="module")
def report():
    return evaluate("model", fitted(), LABELLED)


@pytest.fixture(scope="module")
def floor(report):
    """Exactly what the report says, as a floor."""
    return {
        "digest": report.digest,
        "floors": {
            form: {
                group: {name: score.value for name, score in scores.items()}
                for group, scores in result.groups.items()
            }
            for form, result in report.forms.items()
        },
    }


# ---------------------------------------------------------------------------- report


def test_pages_are_scored_as_text_and_with_markup(report):
    assert list(report.forms) == ["text", "markup"]
    assert all(page.markup is None for page in report.forms["text"].labelled.pages)
    assert all(page.markup is not None for page in report.forms["markup"].labelled.pages)


def test_only_pages_with_markup_are_scored_with_it():
    plain = made_pages(range(9, 11), markup=False)
    mixed = evaluate("model", fitted(), plain + made_pages(range(11, 12)))
    assert [len(form.labelled) for form in mixed.forms.values()] == [3, 1]
    assert list(evaluate("model", fitted(), plain).forms) == ["text"]
    assert list(evaluate("model", fitted(), LABELLED, forms=("markup",)).forms) == ["markup"]


def test_groups_are_the_languages_and_corpora_of_five_pages_or_more(report):
    expected = {"all", "corpus:one", "corpus:two", "language:en", "language:ru", "language:uk"}
    assert set(report.forms["text"].groups) == expected
    few = evaluate("model", fitted(), LABELLED.select(np.arange(len(LABELLED)) < 12))
    assert set(few.forms["text"].groups) == {"all"}


def test_hard_articles_are_groups_of_their_own():
    sentence = "It rained all day by the harbour, they said, and the river rose by a whole hand."
    article = [(sentence, CONTENT)] * 3 + [("Menu", NAVIGATION)]
    a_list = [("Results", CONTENT), *((f"Team {k} 3:1", CONTENT) for k in range(9))]
    comments = [(sentence, CONTENT), *((f"{k}. {sentence}", OTHER) for k in range(4))]
    made = [rows for rows in (article, a_list, comments) for _ in range(5)]
    labelled = LabelledPages(
        [
            Page(f"p{k}", tuple(line for line, _ in rows), tuple(range(1, len(rows) + 1)))
            for k, rows in enumerate(made)
        ],
        [np.array([label for _, label in rows], np.int8) for rows in made],
        [""] * len(made),
        [()] * len(made),
    )

    def keeps_short_lines(pages):
        short = [np.array([len(line) < 20 for line in page.lines], float) for page in pages]
        return untyped([np.column_stack([p, 1 - p, 0 * p, 0 * p]) for p in short])

    groups = score_predictions("s", keeps_short_lines, labelled, HALF).forms["text"].groups
    assert set(groups) == {"all", "articles:lists", "articles:outweighed"}
    assert groups["articles:lists"]["line_f1"].value == 1
    assert groups["articles:outweighed"]["line_f1"].value == 0


@pytest.mark.parametrize(("probability", "kept"), [(1.0, 1), (0.0, 0)])
def test_pages_are_also_shown_without_their_article(probability, kept):
    def predict(pages):
        return untyped(
            [
                np.column_stack([np.full(n, probability), *[np.full(n, 1 - probability)] * 3])
                for n in (len(page.lines) for page in pages)
            ]
        )

    groups = score_predictions("s", predict, LABELLED, HALF).forms["text"].groups
    assert groups["all"]["no_article_kept"].value == kept


@pytest.mark.parametrize(
    ("noise", "code", "kept"), [(200, OTHER, 0), (201, OTHER, 1), (900, UNSURE, 0)]
)
def test_without_its_article_a_page_gives_text_from_201_characters_of_noise_on(noise, code, kept):
    page = Page("p", ("It rained. " * 30, "x" * noise), (1, 2))
    labelled = LabelledPages([page], [np.array([CONTENT, code], np.int8)], [""], [()])

    def all_content(pages):
        return untyped([np.tile([1.0, 0, 0, 0], (len(one.lines), 1)) for one in pages])

    groups = score_predictions("s", all_content, labelled, HALF).forms["text"].groups
    assert groups["all"]["no_article_kept"].value == kept


def all_of_it(of_type: str):
    """Return a function that says of every page that it is of a type, and all of it content."""

    def predict(pages):
        types = np.tile(np.array(PAGE_TYPES) == of_type, (len(pages), 1)).astype(np.float32)
        return Predicted([np.tile([1.0, 0, 0, 0], (len(one.lines), 1)) for one in pages], types)

    return predict


def test_of_what_is_taken_for_a_listing_nothing_comes_out():
    as_forum, as_listing = (
        score_predictions("s", all_of_it(name), LABELLED, HALF).forms["markup"].groups["all"]
        for name in ("forum", "listing")
    )
    assert (as_forum["line_recall"].value, as_listing["line_recall"].value) == (1, 0)
    assert as_forum["no_article_kept"].value == 1
    assert as_listing["no_article_kept"].value == as_listing["text_f1"].value == 0


def test_a_page_without_content_lines_is_held_against_nothing_whatever_its_gold_text():
    typed = typed_pages(range(5))
    typed = replace(typed, gold=[page.lines for page in typed.pages])
    fronts = typed.select([one == "listing" for one in typed.page_types])
    for name, score in (("listing", 1), ("forum", 0)):
        groups = score_predictions("s", all_of_it(name), fronts, HALF).forms["markup"].groups
        assert groups["all"]["text_f1"].value == groups["all"]["line_f1"].value == score


def test_page_types_are_groups():
    typed = typed_pages(range(5))
    groups = score_predictions("s", all_of_it("forum"), typed, HALF).forms["markup"].groups
    assert {"type:article", "type:forum", "type:listing"} <= set(groups)
    assert groups["type:forum"]["line_recall"].value == 1
    assert groups["type:listing"]["line_f1"].value == 0


def test_content_that_is_lost_with_its_page_is_among_the_worst_lines_and_says_why():
    form = score_predictions("s", all_of_it("listing"), LABELLED, HALF).forms["markup"]
    rows = worst_lines(form, most=10_000)
    assert {(row["true"], row["given"]) for row in rows} == {("content", "content of a listing")}
    assert len(rows) == sum((y == CONTENT).sum() for y in LABELLED.labels)


def test_a_group_is_scored_as_its_pages_alone(report):
    chosen = [page.language == "uk" for page in LABELLED.pages]
    alone = evaluate("model", fitted(), LABELLED.select(chosen))
    for form, result in alone.forms.items():
        assert report.forms[form].groups["language:uk"] == result.groups["all"]


@pytest.mark.parametrize(("threshold", "recall"), [(0.0, 1), (1.0, 0)])
def test_the_threshold_given_is_used(threshold, recall):
    found = evaluate("model", fitted(), LABELLED, threshold=threshold)
    assert found.threshold == (threshold, 0.0, 0.0, None)
    assert found.forms["text"].groups["all"]["line_recall"].value == recall


def test_the_threshold_of_the_model_is_the_default(report):
    assert report.threshold == fitted().threshold()


def test_no_pages_cannot_be_scored():
    with pytest.raises(ValueError, match="no labelled pages"):
        evaluate("model", fitted(), no_pages())


def test_reports_are_written_as_json_and_come_back_equal(report, tmp_path):
    rule = evaluate("rule", RunRule(), LABELLED, forms=("text",))
    write_report(tmp_path / "new", [report, rule])
    found = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert found == {"model": report.to_dict(), "rule": rule.to_dict()}
    text = found["model"]["forms"]["text"]
    assert (text["pages"], text["sites"]) == (21, 21)
    score = report.forms["text"].groups["all"]["line_f1"]
    assert text["groups"]["all"]["line_f1"] == {
        "value": score.value,
        "low": score.low,
        "high": score.high,
    }
    overall = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert overall["model"]["text"]["line_f1"] == pytest.approx(score.value, abs=1e-4)
    assert list(overall) == ["model", "rule"]


@pytest.mark.parametrize("name", ["precision_recall.csv", "calibration.csv"])
def test_curves_are_written_as_tables_of_shares(report, tmp_path, name):
    write_report(tmp_path, [report])
    head, *rows = (line.split(",") for line in (tmp_path / name).read_text().splitlines())
    assert head[0] == "reads"
    assert {row[0] for row in rows} == {"text", "markup"}
    assert all(len(row) == len(head) for row in rows)
    assert all(0 <= float(cell) <= 1 for row in rows for cell in row[1:])


def test_along_the_curve_the_threshold_falls_and_recall_never_does(report, tmp_path):
    write_report(tmp_path, [report])
    head, *rows = (tmp_path / "precision_recall.csv").read_text().splitlines()
    assert head == "reads,recall,precision,threshold"
    for form in report.forms:
        points = [list(map(float, row.split(",")[1:])) for row in rows if row.startswith(form)]
        recall, precision, threshold = zip(*points, strict=True)
        assert list(recall) == sorted(recall)
        assert list(threshold) == sorted(threshold, reverse=True)
        assert recall[0] < 1 < precision[0] + recall[-1]


# ----------------------------------------------------------------------- worst lines


def test_the_worst_lines_are_the_surest_errors_without_doubtful_lines():
    page = Page("p", ("sure", "right", "x" * 500, "doubtful", "near"), (1, 2, 5, 6, 9))
    labels = np.array([1, 0, 0, UNSURE, 0], np.int8)
    given = np.array([0.99, 0.9, 0.05, 0.0, 0.45])
    proba = np.column_stack([given, 1 - given, np.zeros((5, 2))])
    labelled = LabelledPages([page], [labels], [""], [()])

    def predict(pages):
        return untyped([proba[np.searchsorted(page.numbers, one.numbers)] for one in pages])

    form = score_predictions("s", predict, labelled, HALF).forms["text"]
    rows = worst_lines(form)
    assert [(row["line"], row["true"], row["given"]) for row in rows] == [
        (1, "related", "content"),
        (5, "content", "related"),
        (9, "content", "related"),
    ]
    assert rows[0] | {"page": "p", "probability": 0.99, "text": "sure"} == rows[0]
    assert len(rows[1]["text"]) < 500
    assert worst_lines(form, most=1) == rows[:1]


@pytest.mark.parametrize("threshold", [0.03, 0.97])
def test_every_line_that_is_wrong_is_among_the_worst(threshold):
    report = evaluate("model", fitted(), LABELLED, threshold=threshold, forms=("text",))
    form = report.forms["text"]
    counts = form.scores.columns
    rows = worst_lines(form, most=10_000)
    assert len(rows) == counts["false"].sum() + counts["missed"].sum() > 0
    assert all(
        (row["true"] == LABELS[CONTENT]) != (row["given"] == LABELS[CONTENT]) for row in rows
    )


# ------------------------------------------------------------------------- the floor


LOSSES = {
    *("related_kept", "no_article_kept", "failed_pages", "calibration_error"),
    *("wrong_label", "wrong_keep"),
}


def test_a_report_passes_exactly_at_its_floor(report, floor):
    assert check_floor(report, floor) == []


@pytest.mark.parametrize("name", SCORE_NAMES)
def test_every_score_that_falls_behind_its_floor_is_named(report, floor, name):
    value = floor["floors"]["text"]["all"][name]
    below, above = math.nextafter(value, -1), math.nextafter(value, 2)
    better, worse = (above, below) if name in LOSSES else (below, above)
    for limit, sentences in ((better, 0), (worse, 1)):
        limits = {"digest": report.digest, "floors": {"text": {"all": {name: limit}}}}
        found = check_floor(report, limits)
        assert len(found) == sentences
        assert all(f"text, all: {name} is {value:.3f}, the floor is" in one for one in found)


def test_a_floor_of_other_pages_says_so_and_nothing_else(report, floor):
    other = LABELLED.select(np.arange(len(LABELLED)) > 0)
    found = check_floor(evaluate("model", fitted(), other), floor)
    assert len(found) == 1
    assert "measured on other pages" in found[0]
    assert report.digest[:12] in found[0]
    assert other.digest()[:12] in found[0]


@pytest.mark.parametrize(("form", "group"), [("text", "language:zh"), ("voice", "all")])
def test_what_a_floor_asks_for_and_was_not_measured_fails(report, form, group):
    floor = {"digest": report.digest, "floors": {form: {group: {"line_f1": 0.0}}}}
    assert check_floor(report, floor) == [f"{form}, {group}: not measured"]
