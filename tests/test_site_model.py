import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from linesift import load_model, read_html, save_model
from linesift.labelling.labels import (
    CONTENT,
    NAVIGATION,
    OTHER,
    RELATED,
    UNSURE,
    LabelledPages,
    no_pages,
)
from linesift.models.baselines import RunRule
from linesift.models.model_file import make_card
from linesift.models.site_model import BITS, SiteModel
from linesift.tracking.notes import notes
from linesift.tracking.tracker import BASELINE, run_metrics
from linesift.training.site_classifier import SiteClassifier
from linesift.training.train import Data, DataError, Training, summary, train
from tests.made_pages import assert_same, fitted

ROOT = Path(__file__).parents[1]
WEATHER = "It rained all day in the old town, they said, and the river rose over its banks."


def html_of(number: int) -> str:
    """Return a page of a site that signs its articles with full sentences."""
    return (
        "<html lang=en><body><ul><li><a href=/>Home</a><li><a href=/news>News</a></ul><main>"
        f"<h1>Rain number {number} fell on the old town</h1>"
        f"<p class=story>{WEATHER} It was the {number}th time this year.</p>"
        f"<p class=story>The mayor of the {number}th district said that all boats are safe.</p>"
        "<p class=pledge>We write what we see, we name who told us, and we mend our errors.</p>"
        "</main><footer><a href=/imprint>Imprint</a></footer></body></html>"
    )


def site_page(number: int):
    """Return such a page, read, and its labels."""
    page = replace(read_html(html_of(number), f"page {number}"), site="rain.example")
    return page, np.array(
        [NAVIGATION, NAVIGATION, CONTENT, CONTENT, CONTENT, OTHER, NAVIGATION], np.int8
    )


PAGES, LABELS = map(list, zip(*(site_page(k) for k in range(6)), strict=True))


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> str:
    """File of a tiny model of many sites."""
    path = tmp_path_factory.mktemp("base") / "base.safetensors"
    save_model(path, fitted(), make_card(fitted()))
    return str(path)


@pytest.fixture(scope="module")
def taught(base) -> SiteClassifier:
    """Return what two pages of the site have taught."""
    return SiteClassifier(base=base).fit(PAGES[:2], LABELS[:2])


def errors(model, pages, labels) -> float:
    found = np.concatenate([proba.argmax(axis=1) for proba in model.predict_proba(pages)])
    return float(np.mean(found != np.concatenate(labels)))


@pytest.mark.parametrize("form", ["text", "markup"])
def test_two_pages_mend_what_the_model_gets_wrong_on_the_others(taught, form):
    pages = PAGES[2:] if form == "markup" else [page.without_markup() for page in PAGES[2:]]
    before = errors(taught.reference(), pages, LABELS[2:])
    assert before > 0
    assert errors(taught, pages, LABELS[2:]) < before / 2


def test_plain_text_alone_teaches_too(base):
    plain = [page.without_markup() for page in PAGES]
    model = SiteClassifier(base=base).fit(plain[:2], LABELS[:2])
    assert errors(model, plain[2:], LABELS[2:]) == 0


def test_strength_0_leaves_the_model_as_it_is(base):
    model = SiteClassifier(base=base, strength=0.0).fit(PAGES[:2], LABELS[:2])
    for one, other in zip(
        model.predict_proba(PAGES), model.reference().predict_proba(PAGES), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_unsure_lines_are_not_learned_from(base):
    swapped = [np.where(y == OTHER, UNSURE, y) for y in LABELS[:2]]
    given = [np.where(y == OTHER, RELATED, y) for y in LABELS[:2]]
    cut = SiteClassifier(base=base).fit(PAGES[:2], swapped)
    told = SiteClassifier(base=base).fit(PAGES[:2], given)
    line = int(np.flatnonzero(LABELS[2] == OTHER)[0])
    related = [model.predict_proba(PAGES[2:3])[0][line, RELATED] for model in (cut, told)]
    assert related[0] < related[1]


def test_a_page_gets_the_same_numbers_to_the_last_bit_in_any_batch(taught):
    pages = [page.without_markup() if k % 2 else page for k, page in enumerate(PAGES * 4)]
    together = taught.predict_proba(pages)
    assert_same(taught.predict_proba(pages[::-1]), together[::-1])
    assert_same([taught.predict_proba([page])[0] for page in pages], together)
    for proba in together:
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert taught.predict_proba([]) == []


def test_it_is_stored_with_the_model_below_and_read_without_scikit_learn(taught, tmp_path):
    path = tmp_path / "site.safetensors"
    save_model(path, taught, make_card(taught))
    assert_same(load_model(path).predict_proba(PAGES), taught.predict_proba(PAGES))
    code = (
        "import sys, linesift; page = linesift.read_text('Menu')\n"
        f"linesift.load_model({str(path)!r}).predict_lines([page])\n"
        "sys.exit(', '.join({'sklearn', 'scipy'} & {*sys.modules}) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_as_scikit_learn_expects_it(base):
    model = SiteClassifier(base=base, strength=0.5)
    assert clone(model).get_params() == {"base": base, "strength": 0.5}
    with pytest.raises(NotFittedError):
        model.predict(PAGES)


@pytest.mark.parametrize(
    ("pages", "labels", "message"),
    [
        (PAGES[:1], [[CONTENT]], "page 'page 0': expected 7 labels, got 1"),
        (PAGES[:2], LABELS[:1], "expected 2 label arrays, got 1"),
        (
            PAGES[:1],
            [[CONTENT] * 6 + [7]],
            "page 'page 0': expected label codes 0 to 3, .* 7",
        ),
        (PAGES[:1], [[UNSURE] * 7], "no line is labelled; label some lines"),
        ([], [], "no line is labelled; label some lines"),
        (PAGES[:1], [[CONTENT] * 7], "every labelled line is content; label lines around"),
        (PAGES[:1], [[OTHER] * 7], "no labelled line is content; label a page with an article"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_the_reason(base, pages, labels, message):
    with pytest.raises(ValueError, match=message):
        SiteClassifier(base=base).fit(pages, labels)


def test_a_rule_cannot_be_built_on(tmp_path):
    path = tmp_path / "rule.safetensors"
    save_model(path, RunRule(), make_card(RunRule()))
    with pytest.raises(ValueError, match="expected a model trained on many sites, got RunRule"):
        SiteClassifier(base=str(path)).fit(PAGES[:2], LABELS[:2])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("column_weights", lambda a: a[1:], "expected size"),
        ("token_weights", lambda a: a[: 1 << BITS], "expected size"),
        ("token_weights", lambda a: a * np.float32(np.nan), "not finite"),
        ("column_weights", lambda a: a.astype(float), "expected float32"),
        ("base", lambda _: RunRule(), "expected a LineModel"),
    ],
)
def test_a_model_that_could_not_be_applied_cannot_be_made(taught, name, change, message):
    model: SiteModel = taught.model_
    with pytest.raises(ValueError, match=message):
        replace(model, **{name: change(getattr(model, name))})


def leave_one_out(base: str, labels=LABELS, pages=PAGES) -> Training:
    labelled = LabelledPages(pages, labels, ["hand"] * len(pages), [("It rained.",)] * len(pages))
    return train(SiteClassifier(base=base), Data(labelled, no_pages()))


@pytest.fixture(scope="module")
def training(base) -> Training:
    """Return what three labelled pages say of what they teach."""
    return leave_one_out(base, LABELS[:3], PAGES[:3])


def shown(training: Training) -> list[str]:
    text = summary(training, Path("x"), listing="runs", links=("a", "b"), seconds=1)
    return text.splitlines()


def test_the_summary_counts_wrong_lines_with_and_without_what_was_learned(training):
    rows = [line for line in shown(training) if " of 21 (" in line]
    assert not any(
        "knows little" in line for line in shown(training)
    )  # it knows what its base knows
    names = ["text only", "text only, without it", "with markup", "with markup, without it"]
    assert [row[:28].rstrip() for row in rows] == names
    for name, report in (("text only", training.report), ("text only, without", training.baseline)):
        form, row = report.forms["text"], next(row for row in rows if row.startswith(name))
        given = [one.codes for one in form.predictions]
        wrong = sum((a != b).sum() for a, b in zip(given, LABELS, strict=False))
        kept = sum(((a == 0) != (b == 0)).sum() for a, b in zip(given, LABELS, strict=False))
        if name == "text only":
            assert row.split()[2:] == f"{wrong} of 21 ({wrong / 21:.1%})".split() + (
                f"{kept} of 21 ({kept / 21:.1%})".split()
            )
        else:
            assert wrong > 0


def test_of_one_site_no_interval_over_sites_is_shown(training):
    at = next(k for k, line in enumerate(shown(training)) if "line F1" in line)
    row = shown(training)[at + 1]
    overall = training.report.forms["text"].groups["all"]
    scores = [overall[name].value for name in ("line_f1", "character_f1", "text_f1")]
    assert row.split()[2:] == [f"{score:.3f}" for score in scores]


def test_a_run_tells_what_was_learned_from_what_the_model_below_gets_right(training):
    metrics = run_metrics(training)
    for form in ("text", "markup"):
        for score in ("wrong_label", "wrong_keep", "line_f1"):
            below = training.baseline.forms[form].groups["all"][score].value
            assert metrics[f"without_it/{form}/{score}"] == pytest.approx(below, abs=1e-4)
        assert f"{form}/wrong_label" in metrics
    assert BASELINE not in metrics
    told = notes(training, question="Does it help?", changed=(), commit="abc")
    assert "the model that it is built on" in told
    assert "rule" not in told


def test_a_page_that_cannot_be_scored_by_the_others_is_named_with_what_to_do(base):
    bare = [LABELS[0], np.where(LABELS[1] == CONTENT, CONTENT, UNSURE)]
    with pytest.raises(DataError, match="'page 0' cannot be scored .* label lines around"):
        leave_one_out(base, bare, PAGES[:2])
    with pytest.raises(DataError, match="label a second one"):
        leave_one_out(base, LABELS[:1], PAGES[:1])


@pytest.mark.skipif(
    not (ROOT / "src/linesift/shipped.safetensors").is_file(), reason="no model ships"
)
def test_the_command_says_by_how_much_and_writes_a_model_that_predicts(tmp_path):
    names = ("content", "related", "navigation", "other")
    for k in range(3):
        page, labels = PAGES[k], LABELS[k]
        rows = [f"{names[y]}\t{line}" for y, line in zip(labels, page.lines, strict=True)]
        head = [f"# page: page{k}", "# site: rain.example"]
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"page{k}.tsv").write_text("\n".join([*head, *rows, ""]))
        (tmp_path / "labels" / f"page{k}.html").write_text(html_of(k))
    command = [sys.executable, ROOT / "train.py", "experiments=my_site"]
    options = [f"data.pages={tmp_path}/labels", f"paths.root={tmp_path}"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    forms = ["text only", "with markup"]
    counts = [line[:28].rstrip() for line in shown if " of 21 (" in line]
    assert counts == [f"{form}{below}" for form in forms for below in ("", ", without it")]
    assert "hand 3 + 0; 3 of 3 with markup" in shown[0]
    page = tmp_path / "page.txt"
    page.write_text("\n".join(PAGES[5].lines))
    predicted = subprocess.run(
        [Path(sys.executable).with_name("linesift"), "predict", "--model"]
        + [tmp_path / "models" / "my_site.safetensors", page],
        capture_output=True,
        text=True,
    )
    assert (predicted.returncode, predicted.stderr) == (0, "")
    expected = [PAGES[5].lines[k] for k in np.flatnonzero(LABELS[5] == CONTENT)]
    assert predicted.stdout.splitlines() == expected
