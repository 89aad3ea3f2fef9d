import numpy as np
import pandas as pd
import polars as pl
import pytest

from linesift import load_model, predict_frame
from linesift.models.baselines import RunRule
from linesift.reading.readers import read_string
from tests.made_pages import NEW_SITES, fitted_on_types, made_pages, typed_pages

TEXTS = ["\n".join(page.lines) for page in made_pages(NEW_SITES).pages]
PARAGRAPHS = (
    "It rained all day, they said, and in the evening the river rose over its banks.",
    "Nobody was hurt, but the bridge will stay closed until the end of the week.",
    "The council asked everybody who lives near the harbour to move their boats.",
)
HTML = f"<!doctype html><nav><a href=/>Home</a></nav><article><p>{'<p>'.join(PARAGRAPHS)}</article>"
LIBRARIES = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
RULE = RunRule()

library = pytest.mark.parametrize("library", LIBRARIES)


@library
def test_a_table_comes_back_as_it_was_with_articles_beside(library):
    frame = LIBRARIES[library]({"url": [str(k) for k in range(len(TEXTS))], "text": TEXTS})
    found = predict_frame(frame, RULE)
    assert type(found) is type(frame)
    assert list(found.columns) == ["url", "text", "article", "page_type", "error"]
    assert list(frame.columns) == ["url", "text"]
    assert found["url"].to_list() == frame["url"].to_list()
    expected = [RULE.extract_text(read_string(text)) for text in TEXTS]
    assert found["article"].to_list() == expected
    assert any(expected)


@library
def test_lines_with_labels_and_probabilities_are_lists(library):
    found = predict_frame(LIBRARIES[library]({"page": TEXTS[:2]}), RULE, column="page", lines=True)
    for row, text in enumerate(TEXTS[:2]):
        (lines,) = RULE.predict_lines([read_string(text)])
        assert list(found["lines"][row]) == list(lines.page.lines)
        assert list(found["labels"][row]) == lines.labels
        assert list(found["probabilities"][row]) == lines.probabilities.tolist()


@library
def test_html_bytes_and_pictures_may_stand_in_one_column(library):
    frame = LIBRARIES[library]({"text": [HTML.encode(), b"\x89PNG\r\n\x1a\n", None, b""]})
    found = predict_frame(frame, lines=True)
    assert found["article"].to_list() == ["".join(f"{line}\n" for line in PARAGRAPHS), "", "", ""]
    assert [bool(error) for error in found["error"].to_list()] == [False, True, False, False]


@pytest.mark.parametrize("nothing", [None, np.nan, np.float32(np.nan), pd.NA, pd.NaT], ids=repr)
def test_empty_cells_give_empty_articles(nothing):
    found = predict_frame(pd.DataFrame({"text": pd.Series([HTML, nothing], dtype=object)}), RULE)
    assert found["article"].to_list()[1] == ""


def test_an_empty_table_of_pandas_has_the_types_of_a_full_one():
    empty, full = (predict_frame(pd.DataFrame({"text": t}), RULE, lines=True) for t in ([], TEXTS))
    added = [name for name in full.columns if name != "text"]
    assert empty.dtypes[added].to_dict() == full.dtypes[added].to_dict()


@library
def test_an_empty_table_stays_one(library):
    found = predict_frame(LIBRARIES[library]({"text": []}), RULE, lines=True)
    assert len(found) == 0
    lines = ["lines", "labels", "probabilities"]
    assert list(found.columns) == ["text", "article", "page_type", *lines, "error"]


def test_an_empty_table_of_polars_has_the_types_of_a_full_one():
    empty, full = (
        predict_frame(pl.DataFrame({"text": texts}, schema={"text": pl.String}), RULE, lines=True)
        for texts in ([], TEXTS[:1])
    )
    assert empty.schema == full.schema


def test_the_index_of_pandas_is_kept():
    frame = pd.DataFrame({"text": TEXTS[:3]}, index=["c", "a", "a"])
    assert predict_frame(frame, RULE).index.tolist() == ["c", "a", "a"]


@library
def test_page_types_are_told_and_of_which_text_is_kept_can_be_chosen(library):
    typed = typed_pages(NEW_SITES)
    texts = ["\n".join(page.lines) for page in typed.pages]
    frame, model = LIBRARIES[library]({"text": [*texts, None]}), fitted_on_types()
    pages = [read_string(text) for text in texts]
    told = [one.page_type for one in model.predict_lines(pages)]
    assert set(told) == {"article", "forum", "listing"}
    for wanted in ("all", ["listing"]):
        found = predict_frame(frame, model, page_types=wanted)
        expected = [model.extract_text(page, page_types=wanted) for page in pages]
        assert found["article"].to_list() == [*expected, ""]
        assert found["page_type"].to_list() == [*told, ""]


def test_the_shipped_model_and_a_threshold():
    model = load_model()
    few, many = (
        predict_frame(pd.DataFrame({"text": TEXTS}), model, threshold=at) for at in (0.99, 0.01)
    )
    assert few["article"].str.len().sum() < many["article"].str.len().sum()


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        ({"text": []}, {}, TypeError, "DataFrame of pandas or polars, got builtins.dict"),
        (pd.Series(["a"]), {}, TypeError, "got pandas"),
        (pl.LazyFrame({"text": ["a"]}), {}, TypeError, "got polars"),
        (pd.DataFrame({"body": ["a"]}), {}, ValueError, "no column 'text'; there are body"),
        (pl.DataFrame({"text": ["a"], "article": [1]}), {}, ValueError, "'article' is there"),
        (pd.DataFrame({"text": ["a"], "lines": [1]}), {"lines": True}, ValueError, "'lines' is"),
        (pd.DataFrame({"text": ["a", 7]}), {}, TypeError, "row 1: expected text, bytes or nothing"),
        (pd.DataFrame({"text": [np.array(["a", "b"])]}), {}, TypeError, "nothing, got ndarray"),
        (pd.DataFrame([["a", "b"]], columns=["text"] * 2), {}, ValueError, "are 2 columns 'text'"),
    ],
)
def test_what_is_no_table_of_pages_is_refused_with_the_reason(frame, options, error, message):
    with pytest.raises(error, match=message):
        predict_frame(frame, RULE, **options)
