import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from linesift.cli import main
from linesift.labelling.labels import (
    CONTENT,
    LABELS,
    OTHER,
    RELATED,
    UNSURE,
    LabelError,
    LabelFile,
    format_label_file,
    label_files,
    load_label_file,
    parse_label_file,
)
from linesift.review.label_studio import read_tasks, to_task

TEXT = (
    "# page: news/1\n# site: a.example\n# language: uk\n# type: forum\n# by: reader\n"
    "content\tЗаголовок 😀\n\nrelated?\t<b>Читайте</b>\nother\tשלום\tעולם\nunsure\tx\n"
)
FILE = parse_label_file(TEXT.encode(), "a.tsv")


def exported(**changes: object) -> bytes:
    return json.dumps([{**to_task(FILE), **changes}]).encode()


def region(first: object, last: object, name: str, **value: object) -> dict:
    return {
        "type": "paragraphlabels",
        "value": {"start": first, "end": last, "paragraphlabels": [name], **value},
    }


def annotation(*regions: dict, **fields: object) -> dict:
    return {"result": list(regions), **fields}


def labels_of(data: bytes) -> list[int]:
    (one,) = read_tasks(data, "x.json")
    return one.file.known.tolist()


def run(*arguments: object):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_hand_labels_come_back_and_guesses_do_not_become_labels():
    (one,) = read_tasks(exported(), "x.json")
    assert one.file.page == FILE.page
    assert (one.file.remarks, one.file.page_type) == (FILE.remarks, "forum")
    assert one.file.known.tolist() == [CONTENT, UNSURE, OTHER, UNSURE]
    assert one.file.by_hand.tolist() == FILE.by_hand.tolist() == [True, False, True, True]


def test_a_task_that_says_no_page_type_has_none():
    data = {key: value for key, value in to_task(FILE)["data"].items() if key != "type"}
    (one,) = read_tasks(exported(data=data), "x.json")
    assert one.file.page_type == ""


def test_an_export_of_label_studio_itself_is_read():
    # Exported by Label Studio 1.23.2: regions drawn by mouse over lines 2 to 4 and 6 to 7.
    data = (Path(__file__).parent / "pages" / "ru-library.label-studio.json").read_bytes()
    (one,) = read_tasks(data, "ru-library.label-studio.json")
    drawn = {i: LABELS[one.file.known[i]] for i in np.flatnonzero(one.file.by_hand)}
    assert drawn == dict.fromkeys(range(4), "navigation") | dict.fromkeys((5, 6), "content")
    assert one.file.page.lines[5] == "Районная библиотека будет работать по ночам"


def test_offsets_are_counted_as_browsers_do():
    value = to_task(FILE)["annotations"][0]["result"][0]["value"]
    assert (value["start"], value["startOffset"], value["endOffset"]) == ("0", 0, 12)


def test_the_shipped_configuration_has_the_labels_and_names_of_the_regions(request):
    root = ElementTree.parse(request.config.rootpath / "docs" / "label-studio.xml").getroot()
    assert [one.get("value") for one in root.iter("Label")] == [*LABELS, "unsure"]
    task = to_task(FILE)
    first = task["annotations"][0]["result"][0]
    assert root.find("ParagraphLabels").get("name") == first["from_name"]
    paragraphs = root.find("Paragraphs")
    assert paragraphs.get("name") == first["to_name"]
    assert paragraphs.get("value") == "$lines"
    assert {paragraphs.get("nameKey"), paragraphs.get("textKey")} == set(task["data"]["lines"][0])


def test_predictions_have_scores():
    prediction = np.array([0, 1, 3, 3], np.int8), np.array([0.9, 0.8, 0.5, 0.6])
    (made,) = to_task(FILE, prediction, version="m")["predictions"]
    assert (made["model_version"], made["score"]) == ("m", 0.7)
    assert [one["score"] for one in made["result"]] == [0.9, 0.8, 0.5, 0.6]


def test_a_region_labels_every_line_it_touches():
    data = exported(annotations=[annotation(region("0", "2", "other", endOffset=1))])
    assert labels_of(data) == [OTHER, OTHER, OTHER, UNSURE]
    data = exported(annotations=[annotation(region("0", "2", "other", endOffset=0))])
    assert labels_of(data) == [OTHER, OTHER, UNSURE, UNSURE]


def test_a_task_without_a_complete_annotation_is_left_out():
    cancelled = annotation(region("0", "0", "other"), was_cancelled=True)
    assert read_tasks(exported(annotations=[]), "x.json") == []
    assert read_tasks(exported(annotations=[cancelled]), "x.json") == []


def test_of_several_annotators_the_last_counts_and_ground_truth_before_it():
    early = annotation(region("0", "0", "other"), updated_at="2024-01-01T10:00:00Z")
    late = annotation(region("0", "0", "related"), updated_at="2024-01-02T10:00:00Z")
    (one,) = read_tasks(exported(annotations=[late, early]), "x.json")
    assert (one.file.known[0], one.annotators, one.disagreed) == (RELATED, 2, 1)
    true = {**early, "ground_truth": True}
    assert labels_of(exported(annotations=[late, true]))[0] == OTHER


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "expected a list of tasks"),
        (b"[1]", "task 1: without 'data'"),
        (json.dumps([{"page": "a", "label": []}]).encode(), "JSON-MIN"),
        (exported(data={"text": "x"}), "no 'page' with 'lines'"),
        (exported(data={"page": "p", "lines": [{"text": "a\nb", "number": "1"}]}), "line 1"),
        (exported(data={"page": "p", "lines": [{"text": "a"}]}), "line 1 has no number"),
        (
            exported(data={"page": "p", "lines": [{"text": "a", "number": 2}] * 2}),
            "do not rise",
        ),
        (exported(annotations=None), "without a list of 'annotations'"),
        (exported(annotations=[{}]), "without a list of results"),
        (exported(annotations=[annotation(region("0", "9", "other"))]), "line 0 to 9 of 4"),
        (exported(annotations=[annotation(region("-1", "0", "other"))]), "line -1"),
        (exported(annotations=[annotation(region("a", "0", "other"))]), "a start and an end"),
        (exported(annotations=[annotation(region("0", "0", "advert"))]), "got 'advert'"),
        (
            exported(
                annotations=[annotation(region("0", "1", "other"), region("1", "1", "unsure"))]
            ),
            "line 3 of news/1 is labelled other and unsure",
        ),
        (json.dumps([to_task(FILE)] * 2).encode(), "there twice"),
        (exported(data={**to_task(FILE)["data"], "type": "news"}), "type: expected one of article"),
        (exported(data={**to_task(FILE)["data"], "type": ["forum"]}), "type: expected one of"),
    ],
)
def test_a_wrong_file_is_refused_with_a_reason(data, message):
    with pytest.raises(LabelError, match=message):
        read_tasks(data, "x.json")


def test_a_folder_goes_there_and_back_unchanged(request, tmp_path):
    """Some hand-labelled pages of the repository, and one with everything that is odd."""
    folder = tmp_path / "labels"
    folder.mkdir()
    for path in [*label_files(request.config.rootpath / "data" / "pages")][::15]:
        (folder / path.name).write_bytes(path.read_bytes())
    odd = FILE.page, FILE.labels, np.ones(len(FILE.labels), bool), FILE.remarks, FILE.page_type
    (folder / "news-1.tsv").write_bytes(format_label_file(LabelFile(*odd)))
    assert run("labels", "export", folder, "--output", tmp_path / "t.json").exit_code == 0
    result = run("labels", "import", tmp_path / "t.json", "--labels", tmp_path / "back")
    assert result.exit_code == 0
    for path in label_files(folder):
        back = load_label_file(tmp_path / "back" / path.name)
        assert format_label_file(back) == format_label_file(load_label_file(path))


def test_import_merges_and_replaces_hand_labels_only_when_told(tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    path = folder / "news.tsv"
    path.write_text(TEXT.replace("other\t", "navigation\t"), encoding="utf-8")
    before = path.read_bytes()
    file = tmp_path / "t.json"
    file.write_bytes(exported())
    result = run("labels", "import", file, "--labels", folder)
    assert result.exit_code == 2
    assert "1 line is labelled otherwise by hand" in result.stderr
    assert path.read_bytes() == before
    assert run("labels", "import", file, "--labels", folder, "--force").exit_code == 0
    assert path.read_text(encoding="utf-8") == TEXT
    assert load_label_file(path).by_hand.tolist() == [True, False, True, True]


def test_lines_that_the_import_leaves_out_keep_the_labels_given_by_hand(tmp_path):
    path = tmp_path / "labels" / "news.tsv"
    path.parent.mkdir()
    path.write_text(TEXT.replace("?\t", "\t"), encoding="utf-8")
    before = path.read_bytes()
    (tmp_path / "t.json").write_bytes(exported())
    assert run("labels", "import", tmp_path / "t.json", "--labels", path.parent).exit_code == 0
    assert path.read_bytes() == before


def test_a_bad_task_after_a_good_one_writes_nothing(tmp_path):
    file = tmp_path / "t.json"
    file.write_text(json.dumps([to_task(FILE), {"data": {}}]))
    result = run("labels", "import", file, "--labels", tmp_path / "labels")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert not (tmp_path / "labels").exists()


def test_a_model_without_predictions_to_write_is_refused(model, tmp_path):
    (tmp_path / "a.tsv").write_text(TEXT, encoding="utf-8")
    result = run("labels", "export", tmp_path, "--model", model)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--predictions" in result.stderr


def test_an_export_with_predictions_imports_only_what_people_said(model, tmp_path):
    (tmp_path / "a.tsv").write_text(TEXT, encoding="utf-8")
    result = run("labels", "export", tmp_path, "--predictions", "--model", model)
    (task,) = json.loads(result.stdout)
    assert len(task["predictions"][0]["result"]) == 4
    assert labels_of(result.stdout.encode()) == [CONTENT, UNSURE, OTHER, UNSURE]
