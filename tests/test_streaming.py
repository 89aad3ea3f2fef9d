import numpy as np
import pytest

from linesift.labelling.labels import CONTENT, OTHER, UNSURE, LabelledPages
from linesift.reading.page import Batch, Page
from linesift.scoring.evaluate import evaluate
from linesift.training.classifier import LineClassifier
from linesift.training.streaming import PageSample, StreamedLines
from tests.made_pages import NEW_SITES, TINY, TRAIN_SITES, assert_same, made_pages

LABELLED = made_pages(TRAIN_SITES)
NEW = made_pages(NEW_SITES, per_site=2)


def chunks(labelled: LabelledPages, size: int):
    for first in range(0, len(labelled), size):
        rows = slice(first, first + size)
        yield labelled.pages[rows], labelled.labels[rows]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_one_pass_learns_what_tells_articles_from_noise(size):
    model = LineClassifier(**TINY).fit_stream(chunks(LABELLED, size))
    for form in evaluate("model", model, NEW).forms.values():
        assert form.groups["all"]["line_f1"].value > 0.8


def test_a_page_that_is_not_in_the_sample_is_learned_from_too():
    few = LineClassifier(**TINY).fit_stream(chunks(LABELLED, 5), sample=8)
    alone = LineClassifier(**TINY).fit_stream(chunks(LABELLED, 5))
    words = [np.count_nonzero(model.model_.ngrams.weights) for model in (few, alone)]
    assert words[0] == words[1]


def test_a_chunk_is_learned_before_the_next_one_is_read(monkeypatch):
    events = []
    learn = StreamedLines.learn

    def watched():
        for chunk in chunks(LABELLED, 3):
            events.append("read")
            yield chunk

    def watch(self, labelled):
        events.append("learned")
        learn(self, labelled)

    monkeypatch.setattr(StreamedLines, "learn", watch)
    LineClassifier(**TINY).fit_stream(watched())
    assert len(events) > 4
    assert events == ["read", "learned"] * (len(events) // 2)


def test_the_same_seed_gives_the_same_model():
    first, second = (
        LineClassifier(**TINY).fit_stream(chunks(LABELLED, 7), sample=20) for _ in range(2)
    )
    assert_same(first.predict_proba(NEW.pages), second.predict_proba(NEW.pages))


def test_lines_of_the_sample_are_judged_by_models_that_have_not_seen_their_site():
    class Sample:
        batch, views = None, LABELLED

        @staticmethod
        def line(ngrams, paths):
            return np.concatenate([ngrams, paths], axis=1)

    Sample.batch = Batch.from_pages(LABELLED.pages)
    odd = LABELLED.sites[0]
    own = np.repeat(
        [site == odd for site in LABELLED.sites], [len(p.lines) for p in LABELLED.pages]
    )
    swapped = [
        np.where(y == CONTENT, OTHER, CONTENT).astype(np.int8) if site == odd else y
        for site, y in zip(LABELLED.sites, LABELLED.labels, strict=True)
    ]
    judged = []
    for labels in (LABELLED.labels, swapped):
        stream = StreamedLines(LineClassifier(**TINY).get_params())
        stream.learn(LabelledPages(LABELLED.pages, labels, LABELLED.corpus, LABELLED.gold))
        judged.append(stream.judge(Sample)[-1])
    np.testing.assert_array_equal(judged[0][own], judged[1][own])
    assert not np.array_equal(judged[0][~own], judged[1][~own], equal_nan=True)


PAGE = Page("p", ("one line",), (1,))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "content"),
        ([([PAGE], [[CONTENT, OTHER]])], "page 'p': expected 1 labels, got 2"),
        ([([PAGE], [])], "expected 1 label arrays, got 0"),
        ([([PAGE], [[UNSURE]])], "content"),
        ([([PAGE], [[CONTENT]])] * 3, "content"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_the_reason(given, message):
    with pytest.raises(ValueError, match=message):
        LineClassifier(**TINY).fit_stream(given)


def test_every_page_is_as_likely_in_the_sample():
    pages = [Page(str(k), ("a",), (1,)) for k in range(40)]
    labelled = LabelledPages(pages, [np.zeros(1, np.int8)] * 40, [""] * 40, [()] * 40)
    met = np.zeros(40)
    for seed in range(400):
        sample = PageSample(10, seed)
        sample.add(labelled.select(np.arange(40) < 25))
        sample.add(labelled.select(np.arange(40) >= 25))
        assert len(sample.labelled) == 10
        met[[int(page.page_id) for page in sample.labelled.pages]] += 1
    assert met.sum() == 4000
    assert 60 < met.min() <= met.max() < 140  # 100 each, give or take four deviations
