import json
from dataclasses import replace

import numpy as np
import pytest

from linesift.labelling.documents import Document
from linesift.labelling.labels import CONTENT, LABELS, OTHER, PAGE_TYPES, UNSURE
from linesift.labelling.weak_labels import heading_lines
from linesift.models.baselines import RunRule
from linesift.models.prediction import Predicted
from linesift.scoring.compare import (
    ALL_TYPES,
    SCORES,
    Comparison,
    kept_lines,
    page_type_counts,
    to_dict,
)
from linesift.scoring.evaluate import evaluate
from linesift.scoring.metrics import differences
from linesift.scoring.outputs import OutputFolder, peer_outputs
from linesift.scoring.word_scores import word_f1
from tests.fake_peers import all_lines, long_lines, named, troubled
from tests.made_pages import fitted, made_page, made_pages

SITES = range(9, 15)
LABELLED = made_pages(SITES)
HTML = [made_page(site, 0)[0].encode() for site in SITES]


def documents_of(labelled, html, **snippets):
    return [
        Document(
            page.page_id, (data,), gold[1:], **snippets
        )  # without the heading, as sets have it
        for page, data, gold in zip(labelled.pages, html, labelled.gold, strict=True)
    ]


def quietly(what: str, done: int, total: int) -> None:
    """Report no progress."""


def outputs_of(peer, folder, html=HTML, **options):
    options = {"timeout": 60, "jobs": 1, "progress": quietly} | options
    return peer_outputs(peer, LABELLED.pages[: len(html)], html, folder, **options)


@pytest.fixture(scope="module")
def comparison():
    return Comparison(LABELLED, documents_of(LABELLED, HTML))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return outputs_of(named(all_lines), tmp_path_factory.mktemp("outputs"))


# ----------------------------------------------------------------------- kept outputs


def test_every_output_is_a_file_beside_the_version_and_the_reason_of_a_miss(tmp_path):
    html = [b"one", b"crash", b"raise"]
    peer = named(troubled)
    found = outputs_of(peer, tmp_path, html)
    language = LABELLED.pages[0].language
    assert [one.text for one in found] == [f"{language}: one", "", ""]
    assert [one.error for one in found] == ["", "the process died", "ValueError: no such page"]
    folder = tmp_path / f"troubled-{peer.version}"
    texts = sorted(path.read_text() for path in folder.glob("*.txt"))
    assert texts == ["", "", f"{language}: one"]


def test_a_second_run_takes_what_is_there_and_runs_what_is_not(tmp_path):
    seen = []

    def note(what, done, total):
        seen.append((done, total))

    first = outputs_of(named(all_lines), tmp_path, HTML[:2])
    again = outputs_of(named(all_lines), tmp_path, HTML[:2], progress=note)
    assert (again, seen) == (first, [])
    outputs_of(named(all_lines), tmp_path, HTML[:3], progress=note)
    assert seen == [(1, 1)]


def test_a_miss_is_kept_and_not_tried_again(tmp_path):
    (first,) = outputs_of(named(troubled), tmp_path, [b"raise"])
    assert "no such page" in first.error
    seen = []
    again = outputs_of(named(troubled), tmp_path, [b"raise"], progress=lambda *a: seen.append(a))
    assert (again, seen) == ([first], [])


def test_another_version_or_another_page_of_the_same_name_is_run_again(tmp_path):
    peer = named(all_lines)
    outputs_of(peer, tmp_path, HTML[:1])
    other = b"<p>Another page under the same name.</p>"
    assert outputs_of(peer, tmp_path, [other])[0].text == "Another page under the same name."
    assert outputs_of(peer, tmp_path, HTML[:1])[0].text != "Another page under the same name."
    newer = named(all_lines, package="numpy")
    assert OutputFolder(tmp_path, newer).read() == {}
    assert newer.version != peer.version


def test_a_row_cut_off_by_a_stopped_run_is_run_again(tmp_path):
    peer = named(all_lines)
    first = outputs_of(peer, tmp_path, HTML[:2])
    index = tmp_path / f"{peer.name}-{peer.version}" / "pages.jsonl"
    index.write_text(index.read_text()[:-20])
    assert [one.text for one in outputs_of(peer, tmp_path, HTML[:2])] == [o.text for o in first]


def test_a_page_id_cannot_climb_out_of_the_folder(tmp_path):
    page = replace(LABELLED.pages[0], page_id="../../climbed")
    options = {"timeout": 60, "jobs": 1, "progress": quietly}
    peer_outputs(named(all_lines), [page], HTML[:1], tmp_path / "a" / "b", **options)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert len(list(tmp_path.rglob("*.txt"))) == 1


# ------------------------------------------------------------------------------ scores


def test_lines_of_a_text_are_found_where_a_gold_text_would_make_them_content():
    page = LABELLED.pages[0]
    gold = LABELLED.gold[0]
    assert kept_lines("\n".join(gold), page.lines)[LABELLED.labels[0] == CONTENT].all()
    assert not kept_lines("", page.lines).any()
    assert kept_lines("\n".join(page.lines), page.lines).all()


def test_a_peer_that_gives_the_gold_text_scores_the_same_with_and_without_the_heading(
    comparison, outputs
):
    with_heading, without = (
        comparison.peer(named(all_lines), gold_outputs(outputs, start), jobs=1).estimates
        for start in (0, 1)  # the first line of the gold text is the heading
    )
    assert all(with_heading[name] == without[name] for name in SCORES)
    assert with_heading["text_f1"].value == 1
    # A subhead that repeats words of a menu may be placed there, as in any alignment.
    assert with_heading["line_f1"].value > 0.95


def gold_outputs(outputs, start=0):
    texts = ["\n".join(gold[start:]) for gold in LABELLED.gold]
    return [one._replace(text=text) for one, text in zip(outputs, texts, strict=True)]


def test_a_miss_counts_as_an_empty_output(comparison, outputs):
    peer = named(all_lines)
    missed = gold_outputs(outputs)
    missed[0] = missed[0]._replace(text="", error="the process died")
    system = comparison.peer(peer, missed, jobs=1)
    assert system.errors == {LABELLED.pages[0].page_id: "the process died"}
    assert system.scores.columns["true"][0] == 0 < system.scores.columns["missed"][0]
    assert system.estimates["text_f1"].value == pytest.approx(1 - 1 / len(HTML))


def test_headings_are_left_out_and_everything_else_is_scored_as_evaluate_does(comparison):
    labels = [
        np.where(heading_lines(page, y), UNSURE, y).astype(np.int8)
        for page, y in zip(LABELLED.pages, LABELLED.labels, strict=True)
    ]
    assert all((y == UNSURE).sum() == 1 for y in labels)
    expected = evaluate("linesift", fitted(), replace(LABELLED, labels=labels))
    html, text = comparison.linesift(fitted(), threshold="balanced")
    assert (html.reads, text.reads) == ("HTML", "text")
    for system, form in ((html, "markup"), (text, "text")):
        scores = expected.forms[form].groups["all"]
        for name in ("line_f1", "character_f1"):
            assert system.estimates[name] == scores[name]


def test_a_difference_is_paired_page_by_page(comparison, outputs):
    html, _ = comparison.linesift(fitted(), threshold="balanced")
    peer = comparison.peer(named(all_lines), outputs, jobs=1)
    found = peer.higher_than(html)["line_f1"]
    expected = peer.estimates["line_f1"].value - html.estimates["line_f1"].value
    assert found.value == pytest.approx(expected)
    assert found.low <= found.value <= found.high
    assert {(one.value, one.low, one.high) for one in html.higher_than(html).values()} == {
        (0, 0, 0)
    }


def test_word_f1_takes_the_raw_output_and_the_gold_text_of_the_set_headings_and_all(
    comparison, outputs
):
    as_the_set, with_heading = (
        comparison.peer(named(all_lines), gold_outputs(outputs, start), jobs=1).estimates
        for start in (1, 0)
    )
    assert as_the_set["word_f1"].value == 1 > with_heading["word_f1"].value
    assert as_the_set["text_f1"] == with_heading["text_f1"]


def test_a_model_is_scored_by_the_text_of_the_lines_it_keeps(comparison):
    html, _ = comparison.linesift(fitted(), threshold=0.0)  # everything
    words = "\n".join(LABELLED.pages[0].lines), "\n".join(comparison.documents[0].gold)
    assert html.words.columns["word_f1"][0] == word_f1(*words)


class OnlyListings(RunRule):
    """Takes every page for a listing, and every line of it for a card."""

    def predicted(self, X):
        types = np.tile(np.array(PAGE_TYPES) == "listing", (len(X), 1)).astype(np.float32)
        cards = np.eye(len(LABELS))[LABELS.index("related")]
        return Predicted([np.tile(cards, (len(page.lines), 1)) for page in X], types)


def test_cards_of_listings_are_kept_where_all_page_types_are(comparison):
    by_default = comparison.linesift(OnlyListings(), threshold=0.5)
    with_cards = comparison.linesift(OnlyListings(), threshold=0.5, all_types=True)
    assert [one.name for one in by_default] == ["linesift"] * 2
    assert [(one.name, one.reads) for one in with_cards] == [
        (ALL_TYPES, "HTML"),
        (ALL_TYPES, "text"),
    ]
    assert {one.estimates["line_f1"].value for one in by_default} == {0}
    words = "\n".join(LABELLED.pages[0].lines), "\n".join(comparison.documents[0].gold)
    assert {one.words.columns["word_f1"][0] for one in with_cards} == {word_f1(*words)}


def test_every_page_type_has_its_own_scores(outputs):
    types = ["forum", "listing", "forum", "", "listing", "forum"]
    labelled = replace(LABELLED, page_types=types)
    comparison = Comparison(labelled, documents_of(labelled, HTML))
    texts = [
        one._replace(text="") if t == "listing" else one
        for one, t in zip(gold_outputs(outputs, 1), types, strict=True)
    ]
    system = comparison.peer(named(all_lines), texts, jobs=1)
    assert list(system.by_page_type) == ["forum", "listing"]
    for score in ("word_f1", "text_f1"):
        assert [one[score].value for one in system.by_page_type.values()] == [1, 0]
    assert page_type_counts(system) == {"forum": 3, "listing": 2}


def test_snippets_are_scored_where_the_set_has_them(outputs):
    some = documents_of(LABELLED, HTML, wanted=("Old bridge", "nowhere"), unwanted=("menu",))
    documents = [some[0], *documents_of(LABELLED, HTML)[1:]]
    texts = [outputs[0]._replace(text="The OLD BRIDGE.\nMenu"), *outputs[1:]]
    system = Comparison(LABELLED, documents).peer(named(all_lines), texts, jobs=1)
    assert system.estimates["with"].value == 0.5
    assert system.estimates["without"].value == 0


def test_scores_of_other_pages_cannot_be_compared(comparison):
    html, _ = comparison.linesift(fitted(), threshold="balanced")
    pages = made_pages(range(9, 11))
    fewer = Comparison(pages, documents_of(pages, HTML[:2]))
    with pytest.raises(ValueError, match="the same pages"):
        differences(html.scores, fewer.linesift(fitted(), threshold="balanced")[0].scores)


def test_the_report_holds_every_system_with_its_differences(comparison, outputs):
    ours = comparison.linesift(fitted(), threshold="balanced")
    peer = comparison.peer(named(long_lines), outputs, jobs=1)
    found = json.loads(json.dumps(to_dict([*ours, peer, *comparison.rules()], ours)))
    assert (found["pages"], found["sites"]) == (len(HTML), len(HTML))
    names = [one["system"] for one in found["systems"]]
    assert names[:4] == ["linesift", "linesift", "long_lines", "run rule"]
    row = found["systems"][2]
    assert row["version"] == named(long_lines).version
    assert set(row["higher_than"]) == {"linesift HTML", "linesift text"}
    assert set(row["scores"]) == {*SCORES, "word_f1"}
    assert set(row["higher_than"]["linesift text"]) == {*SCORES, "word_f1"}


def test_languages_are_reported_where_there_are_enough_pages():
    sites = range(9, 24)  # five of each language
    html = [made_page(site, 0)[0].encode() for site in sites]
    pages = made_pages(sites)
    comparison = Comparison(pages, documents_of(pages, html))
    ours = comparison.linesift(fitted(), threshold="balanced")
    assert set(to_dict(ours, ours)["systems"][0]["by_language"]) == {"en", "ru", "uk"}


def test_a_line_that_is_no_heading_is_never_left_out():
    page, labels = LABELLED.pages[0], LABELLED.labels[0]
    mask = heading_lines(page, labels)
    assert page.lines[int(np.flatnonzero(mask)[0])] == page.markup.title
    assert not heading_lines(page, np.full(len(labels), OTHER, np.int8)).any()
    assert not heading_lines(page.without_markup(), labels).any()
