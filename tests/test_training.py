import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from linesift import LineClassifier, read_html
from linesift.labelling.corpora import write_corpus
from linesift.labelling.hand_labels import write_hand_labels
from linesift.labelling.labels import (
    OTHER,
    UNSURE,
    LabelError,
    is_test_site,
    no_pages,
    write_label_file,
)
from linesift.models.baselines import RunRule
from linesift.review.pages import pages_to_label
from linesift.training.train import (
    Data,
    DataError,
    _with_markup,
    card_facts,
    load_data,
    summary,
    train,
)
from tests.made_pages import TINY, made_page, made_pages, site_name

SITES = range(20)
HELD_OUT = {site_name(k) for k in SITES if is_test_site(site_name(k))}
HAND = made_pages(
    range(1, 4), markup=False, corpus="hand", own_words=True
)  # one of a held-out site


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> Path:
    """Folder of two labelled corpora."""
    folder = tmp_path_factory.mktemp("lines")
    write_corpus(
        folder / "one.parquet", made_pages(SITES, per_site=2, corpus="one", own_words=True)
    )
    write_corpus(folder / "two.parquet", made_pages(range(3, 6), corpus="two", own_words=True))
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    """Folder of three pages labelled by hand."""
    folder = tmp_path_factory.mktemp("pages")
    for page, labels in zip(HAND.pages, HAND.labels, strict=True):
        write_label_file(folder / f"{page.site}.tsv", page, labels)
    return folder


def ids(labelled) -> list[tuple[str, str]]:
    return [(c, page.page_id) for c, page in zip(labelled.corpus, labelled.pages, strict=True)]


# ------------------------------------------------------------------------- the split


@pytest.mark.parametrize("hand_pages", ["train", "test"])
@pytest.mark.parametrize("without_languages", [(), ("ru",)])
def test_no_site_is_both_learned_from_and_scored(lines, pages, hand_pages, without_languages):
    data = load_data(
        pages=pages, lines=lines, hand_pages=hand_pages, without_languages=without_languages
    )
    assert data.train
    assert data.test
    assert not set(data.train.sites) & set(data.test.sites)


def test_hand_labels_of_the_corpora_are_learned_from_and_never_scored_by(tmp_path):
    lines = tmp_path / "lines"
    write_corpus(lines / "one.parquet", made_pages(SITES, corpus="one", own_words=True))
    corpus = load_data(pages=None, lines=lines)
    turned = [
        replace(part, labels=[np.full_like(y, OTHER) for y in part.labels])
        for part in (corpus.train, corpus.test)
    ]
    write_hand_labels(tmp_path / "labels.tsv", turned[0] + turned[1])
    data = load_data(pages=None, lines=lines, labels=tmp_path)
    assert {label for y in data.train.labels for label in y.tolist()} == {OTHER}
    assert data.test.digest() == corpus.test.digest()


@pytest.mark.parametrize("name", ["in.html", "in.htm", "in.xhtml", "in.HTML", "in.HTM", "in.php"])
def test_html_is_found_whatever_the_end_of_its_name(name, tmp_path):
    (tmp_path / name).write_text(made_page(0, 0)[0])
    (page,) = pages_to_label([str(tmp_path)], tmp_path, complain=print)
    assert _with_markup(replace(page, markup=None), tmp_path).markup == page.markup is not None


def test_html_outside_the_folder_is_not_read(tmp_path):
    html, page, _ = made_page(0, 0)
    (tmp_path / "outside.html").write_text(html)
    (tmp_path / "pages").mkdir()
    climbing, inside = (replace(page, page_id=name, markup=None) for name in ("../outside", "in"))
    assert _with_markup(climbing, tmp_path / "pages").markup is None
    (tmp_path / "pages" / "in.html").write_text(html)
    assert _with_markup(inside, tmp_path / "pages").markup == page.markup


def test_sites_are_held_out_by_name_in_every_corpus(lines):
    data = load_data(pages=None, lines=lines)
    assert len(HELD_OUT) == 2
    assert set(data.test.sites) == HELD_OUT
    assert set(data.train.sites) == {site_name(k) for k in SITES} - HELD_OUT
    assert len(data.train) + len(data.test) == 2 * len(SITES) + 3
    assert data.describe() == (
        "pages to train on + held out: one 36 + 4, two 2 + 1; 43 of 43 with markup"
    )


@pytest.mark.parametrize("hold_out", ["test", "validation"])
def test_a_page_with_the_text_of_a_held_out_one_is_never_learned_from(tmp_path, hold_out):
    corpus = made_pages(SITES, corpus="one", own_words=True)
    write_corpus(tmp_path / "one.parquet", corpus)
    before = load_data(pages=None, lines=tmp_path, hold_out=hold_out).train
    kept = corpus.select([site in HELD_OUT for site in corpus.sites])
    pages = [replace(page, page_id="copy", site="agency.example") for page in kept.pages]
    copies = replace(kept, pages=pages, corpus=["two"] * len(kept))
    write_corpus(tmp_path / "two.parquet", copies)
    after = load_data(pages=None, lines=tmp_path, hold_out=hold_out).train
    assert not is_test_site("agency.example")
    assert ids(after) == ids(before) != []


def test_pages_without_a_gold_text_are_neither_learned_from_nor_scored(tmp_path):
    corpus = made_pages(SITES, corpus="one", own_words=True)
    write_corpus(tmp_path / "lines" / "one.parquet", corpus)
    before = load_data(pages=None, lines=tmp_path / "lines")
    bare = made_pages(SITES, corpus="bare", own_words=True)
    pages = [replace(page, page_id=f"bare/{page.site}") for page in bare.pages]
    unsure = [np.full_like(labels, UNSURE) for labels in bare.labels]
    nothing = replace(bare, pages=pages, labels=unsure, gold=[()] * len(bare))
    write_corpus(tmp_path / "lines" / "bare.parquet", nothing)
    after = load_data(pages=None, lines=tmp_path / "lines")
    assert (ids(after.train), ids(after.test)) == (ids(before.train), ids(before.test))
    write_hand_labels(tmp_path / "labels" / "uk.tsv", replace(bare, pages=pages))
    by_hand = load_data(pages=None, lines=tmp_path / "lines", labels=tmp_path / "labels")
    assert len(by_hand.train) == 2 * len(before.train)
    assert ids(by_hand.test) == ids(before.test)


@pytest.mark.parametrize(("hand_pages", "counts"), [("train", (2, 0)), ("test", (0, 3))])
def test_hand_labelled_pages_go_where_they_are_told(lines, pages, hand_pages, counts):
    data = load_data(pages=pages, lines=lines, hand_pages=hand_pages)
    assert (data.train.corpus.count("hand"), data.test.corpus.count("hand")) == counts


def test_without_corpora_the_hand_labelled_pages_are_all_there_is(pages, tmp_path):
    data = load_data(pages=pages, lines=tmp_path / "none")
    assert len(data.train) == 3
    assert len(data.test) == 0


@pytest.mark.parametrize("beside", ["the corpora", "many pages", "few pages"])
def test_pages_that_are_held_out_by_name_are_scored_and_never_learned_from(
    beside, lines, pages, tmp_path
):
    if beside == "many pages":
        pages = many_pages(tmp_path)
    name = HAND.pages[0].page_id
    lines = lines if beside == "the corpora" else None
    data = load_data(pages=pages, lines=lines, held_out_pages=[name, "of no page"])
    found = [[page.page_id for page in part.pages] for part in (data.train, data.test)]
    assert name in found[1] and name not in found[0]
    assert not set(data.train.sites) & set(data.test.sites)
    assert HAND.pages[1].page_id in found[0]


def many_pages(folder: Path) -> Path:
    """Write hand-labelled pages of many sites."""
    many = made_pages(SITES, markup=False, own_words=True)
    for page, labels in zip(many.pages, many.labels, strict=True):
        write_label_file(folder / f"{page.site}.tsv", page, labels)
    return folder


@pytest.mark.parametrize("hand_pages", ["train", "test"])
def test_without_corpora_pages_of_many_sites_are_split_by_site(hand_pages, tmp_path):
    data = load_data(pages=many_pages(tmp_path), lines=None, hand_pages=hand_pages)
    assert set(data.test.sites) == HELD_OUT
    assert set(data.train.sites) == {site_name(k) for k in SITES} - HELD_OUT
    (tmp_path / f"{min(data.train.sites)}.tsv").unlink()
    fewer = load_data(pages=tmp_path, lines=None, hand_pages=hand_pages)
    assert (len(fewer.train), len(fewer.test)) == (len(SITES) - 1, 0)


def test_page_types_of_hand_labelled_pages_are_learned_with_them(pages, tmp_path):
    for number, path in enumerate(sorted(pages.glob("*.tsv"))):
        head = "# type: forum\n" if number else ""
        (tmp_path / path.name).write_text(head + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_data(pages=tmp_path, lines=None).train.page_types == ["", "forum", "forum"]


class Weighed(LineClassifier):
    """Remembers what it is fitted with."""

    fitted_with: list[dict] = []

    def fit(self, X, y, **options):
        self.fitted_with.append(options)
        return super().fit(X, y, **options)


def test_pages_that_somebody_has_read_weigh_more_than_those_of_gold_texts(lines, pages):
    data = load_data(pages=pages, lines=lines, most_pages=12)
    data = replace(data, train=data.train + load_data(pages=pages, lines=None).train)
    Weighed.fitted_with.clear()
    train(Weighed(**TINY), data)
    (options,) = Weighed.fitted_with
    weight, by_hand = options["sample_weight"], np.array(data.train.corpus) == "hand"
    assert by_hand.any() and not by_hand.all()
    assert weight[by_hand].min() > weight[~by_hand].max() > 0
    assert options["page_types"] == data.train.page_types


def test_a_language_left_out_of_training_is_the_one_that_is_scored(lines, pages):
    data = load_data(pages=pages, lines=lines, without_languages=["ru"])
    assert {page.language for page in data.train.pages} == {"en", "uk"}
    everything = load_data(pages=pages, lines=lines).test
    of_language = [page.language == "ru" for page in everything.pages]
    assert ids(data.test) == ids(everything.select(of_language)) != []


@pytest.mark.parametrize("most", [1, 2, 5, 38, 1000])
def test_most_pages_are_spread_over_the_whole_and_leave_the_test_alone(lines, most):
    everything = load_data(pages=None, lines=lines)
    data = load_data(pages=None, lines=lines, most_pages=most)
    assert len(data.train) == min(most, len(everything.train))
    assert set(ids(data.train)) <= set(ids(everything.train))
    assert data.test.digest() == everything.test.digest()
    if most > 1:
        assert (ids(data.train)[0], ids(data.train)[-1]) == (
            ids(everything.train)[0],
            ids(everything.train)[-1],
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hand_pages": "both"}, "hand_pages: expected 'train' or 'test', got 'both'"),
        ({"without_languages": ["en", "uk", "ru"]}, "linesift fetch.*linesift lines"),
        ({"without_languages": ["eo"]}, "no held-out page is in eo to score; there are: en, ru"),
        (
            {"without_languages": ["ru"], "lines": None},
            "no held-out page is in ru to score; build the corpora",
        ),
        ({"most_pages": 0}, "no labelled page to train on"),
        ({"pages": None, "lines": None}, "no labelled page to train on"),
    ],
)
def test_nothing_to_train_on_is_said_with_what_to_do(lines, pages, arguments, message):
    with pytest.raises(DataError, match=message):
        load_data(**({"pages": pages, "lines": lines} | arguments))


def test_a_folder_of_guesses_alone_is_named(tmp_path):
    (tmp_path / "page.tsv").write_text("content?\tIt rained all day.\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"into {tmp_path} \(guesses such as 'content\?'"):
        load_data(pages=tmp_path, lines=None)


def test_html_beside_its_labels_is_learned_from_with_markup_while_its_lines_are_the_same(tmp_path):
    html = "<main><h1>Rain</h1><p>It rained all day in the old town.</p></main>"
    for name, text in (("same", html), ("changed", html.replace("day", "night"))):
        page = replace(read_html(html), page_id=name)
        write_label_file(tmp_path / f"{name}.tsv", page.without_markup(), [0, 0])
        (tmp_path / f"{name}.html").write_text(text)
    data = load_data(pages=tmp_path, lines=None)
    known = {page.page_id: page.markup is not None for page in data.train.pages}
    assert known == {"same": True, "changed": False}
    assert data.describe().endswith("hand 2 + 0; 1 of 2 with markup")
    elsewhere = tmp_path / "html"
    elsewhere.mkdir()
    assert load_data(pages=tmp_path, lines=None, html=elsewhere).train.pages[1].markup is None
    with pytest.raises(DataError, match="no such folder of HTML"):
        load_data(pages=tmp_path, lines=None, html=tmp_path / "htlm")


def test_a_missing_folder_of_pages_is_named(tmp_path):
    with pytest.raises(LabelError, match="nowhere: no such folder"):
        load_data(pages=tmp_path / "nowhere", lines=None)


def test_a_corpus_that_was_changed_is_refused(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"not a corpus")
    with pytest.raises(ValueError, match="bad.parquet: .*build it again"):
        load_data(pages=None, lines=tmp_path)


# -------------------------------------------------------------------------- training


@pytest.fixture(scope="module")
def trained(lines):
    said: list[str] = []
    data = load_data(pages=None, lines=lines, most_pages=8)
    model = LineClassifier(**TINY)
    return model, train(model, data, curve=[0.3, 0.6], say=said.append), said


def test_the_held_out_pages_are_scored_by_a_model_of_all_others(trained):
    _, training, _ = trained
    again = LineClassifier(**TINY).fit(training.data.train.pages, training.data.train.labels)
    expected = again.predict_proba(training.data.test.pages)
    assert training.report.digest == training.data.test.digest()
    for one, other in zip(training.report.forms["markup"].probabilities, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert list(training.report.forms) == ["text", "markup"]
    assert "has not seen" in training.held_out


def test_the_model_given_stays_unfitted(trained):
    model, training, _ = trained
    with pytest.raises(NotFittedError):
        model.predict(training.data.test.pages)
    training.model.predict(training.data.test.pages)


def test_the_rule_is_scored_on_the_same_pages(trained):
    _, training, _ = trained
    assert training.baseline.digest == training.report.digest
    assert list(training.baseline.forms) == ["text"]


def test_a_learning_curve_grows_with_the_sites(trained):
    _, training, _ = trained
    counts = [count for count, _ in training.curve]
    assert counts == sorted(set(counts))
    assert max(counts) < len(training.data.train)
    assert all(0 <= score <= 1 for _, score in training.curve)


def test_what_is_being_done_is_said(trained):
    _, training, said = trained
    assert training.data.describe() in said
    assert any("8 pages" in text for text in said)


def test_two_hand_labelled_pages_score_each_other():
    labelled = made_pages(range(1, 3), markup=False, corpus="hand")
    training = train(LineClassifier(**TINY), Data(labelled, no_pages()))
    found = training.report.forms["text"].probabilities
    for k, other in ((0, 1), (1, 0)):
        model = LineClassifier(**TINY).fit([labelled.pages[other]], [labelled.labels[other]])
        np.testing.assert_array_equal(found[k], model.predict_proba([labelled.pages[k]])[0])
    assert training.report.threshold == training.model.threshold()
    assert training.report.digest == labelled.digest()
    assert "trained on the others" in training.held_out


def test_a_learning_curve_is_never_drawn_on_the_pages_that_were_learned():
    labelled = made_pages(range(1, 5), markup=False)
    with pytest.raises(DataError, match="learning_curve: there is no held-out page"):
        train(RunRule(), Data(labelled, no_pages()), curve=[0.5])


def test_one_page_cannot_be_scored():
    labelled = made_pages(range(1, 2), markup=False)
    with pytest.raises(DataError, match="label a second one"):
        train(LineClassifier(**TINY), Data(labelled, no_pages()))


def test_a_rule_is_trained_and_scored_like_a_model(lines):
    training = train(RunRule(), load_data(pages=None, lines=lines))
    scores = (training.report, training.baseline)
    one, other = (report.forms["text"].groups["all"]["line_f1"] for report in scores)
    assert one == other


# ------------------------------------------------------------------------ what is said


def test_the_summary_names_scores_model_and_link(trained):
    _, training, _ = trained
    text = summary(
        training,
        Path("models/x.safetensors"),
        listing="linesift runs --experiment tried",
        links=("http://link.example/runs", "http://link.example/run/1"),
        seconds=12.3,
        place="/elsewhere",
    )
    assert "mlflow ui (in /elsewhere) and then" in text
    assert "knows little of others" in text  # for 8 pages
    assert "trained on 8 pages in 12 s; scored on 5" in text
    for form in training.report.forms.values():
        assert str(form.groups["all"]["line_f1"]) in text
    assert str(training.baseline.forms["text"].groups["all"]["line_f1"]) in text
    assert "linesift predict --model models/x.safetensors" in text
    assert "linesift runs --experiment tried" in text
    assert "http://link.example/runs\n" in text
    assert "http://link.example/run/1" in text


def test_the_facts_of_the_card_are_json_with_digests_and_scores(trained):
    _, training, _ = trained
    facts = card_facts(training, git_commit="abc")
    assert json.loads(json.dumps(facts)) == facts
    assert facts["git_commit"] == "abc"
    assert facts["data"]["train_digest"] == training.data.train.digest()
    assert facts["data"]["test_digest"] == training.data.test.digest()
    assert sum(facts["data"]["train_pages"].values()) == 8
    score = training.report.forms["text"].groups["all"]["line_f1"]
    assert facts["scores"]["text"]["line_f1"] == pytest.approx(
        [score.value, score.low, score.high], abs=1e-4
    )
