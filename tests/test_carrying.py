"""Hand labels go over to lines that are read anew; what cannot be told is said."""

import numpy as np
import pytest
from click.testing import CliRunner

from linesift.cli import main
from linesift.labelling.carrying import carry_labels
from linesift.labelling.corpora import write_corpus
from linesift.labelling.hand_labels import line_hash, read_hand_labels, write_label_rows
from linesift.labelling.labels import CONTENT, NAVIGATION, OTHER, RELATED, UNSURE, LabelledPages
from linesift.reading.page import Page


def labelled(*lines: tuple[str, int]) -> dict[int, tuple[int, str]]:
    return {number: (label, line_hash(line)) for number, (line, label) in enumerate(lines, 1)}


def page_of(*lines: str) -> Page:
    return Page("set/a", lines, tuple(range(1, len(lines) + 1)), "a.org")


def labels_of(carried) -> list[int]:
    return [label for label, _ in carried.lines.values()]


BEFORE = ("It rained all day.", CONTENT), ("Share", OTHER)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([("Bread", CONTENT), ("2.10", CONTENT)], ["Bread | 2.10"]),
        ([("Depth", CONTENT), ("(mean)", CONTENT), ("4 m", CONTENT)], ["Depth (mean) | 4 m"]),
        ([("a = 1 b = 2 c = 3", CONTENT)], ["a = 1", "    b = 2", "c = 3"]),
        ([("Fat: 3gSalt: 1g", CONTENT)], ["Fat: 3g Salt: 1g"]),
        (
            [("First headline hereSecond one too", CONTENT)],
            ["First headline here", "Second one too"],
        ),
        (
            [("OneTwo ThreeFour Five", CONTENT), ("Six", CONTENT)],
            ["One Two Three", "Four Five", "Six"],
        ),
        ([("".join("ABCDEFGHIJKLMNO") + " P", CONTENT)], [" ".join("ABCDEFGHIJKLMNOP")]),
        ([("x | y", CONTENT)], ["x | y"]),
    ],
    ids=["row", "cell", "code", "spaces", "headlines", "mixed", "menu", "same"],
)
def test_lines_that_were_joined_or_split_keep_their_label(old, new):
    page = page_of(BEFORE[0][0], *new, BEFORE[1][0])
    carried = carry_labels(labelled(BEFORE[0], *old, BEFORE[1]), page)
    assert labels_of(carried) == [CONTENT, *[CONTENT] * len(new), OTHER]
    assert [mark for _, mark in carried.lines.values()] == [line_hash(line) for line in page.lines]
    assert carried[1:] == ((), (), ())


def test_a_line_of_lines_with_different_labels_is_unsure_and_said():
    old = labelled(("Ann", OTHER), ("Thanks!", CONTENT), *BEFORE)
    carried = carry_labels(old, page_of("Ann | Thanks!", "It rained all day.", "Share"))
    assert labels_of(carried) == [UNSURE, CONTENT, OTHER]
    assert carried[1:] == ((), (1,), ())


def test_new_and_lost_lines_are_said():
    old = labelled(BEFORE[0], ("This is gone", NAVIGATION), BEFORE[1])
    carried = carry_labels(old, page_of("It rained all day.", "Share", "An answer revealed"))
    assert labels_of(carried) == [CONTENT, OTHER, UNSURE]
    assert carried[1:] == ((3,), (), (2,))


def test_a_line_that_is_an_old_one_only_in_part_is_unsure():
    carried = carry_labels(labelled(("Bread", CONTENT)), page_of("Bread | unheard of"))
    assert labels_of(carried) == [UNSURE]
    assert carried[1:] == ((1,), (), ())


def test_equal_lines_keep_their_order():
    old = labelled(("Home", NAVIGATION), ("Text.", CONTENT), ("Home", RELATED))
    carried = carry_labels(old, page_of("Home", "new", "Text.", "Home"))
    assert labels_of(carried) == [NAVIGATION, UNSURE, CONTENT, RELATED]


@pytest.fixture
def folders(tmp_path):
    """Return folders of labels and lines: two files of labels, one page of three at hand."""
    lines, labels = tmp_path / "lines", tmp_path / "labels"
    lines.mkdir()
    labels.mkdir()
    page = page_of("It rained all day.", "Bread | 2.10")
    corpus = LabelledPages([page], [np.zeros(2, np.int8)], ["set"], [("gold",)], ["article"])
    write_corpus(lines / "set.parquet", corpus)
    return labels, lines


def run(labels, lines):
    arguments = ["labels", "carry", "--labels", str(labels), "--lines", str(lines)]
    return CliRunner().invoke(main, arguments)


def test_the_command_writes_the_labels_and_says_how_many(folders):
    labels, lines = folders
    old = labelled(BEFORE[0], ("Bread", RELATED), ("2.10", RELATED))
    write_label_rows(labels / "en.tsv", {"set/a": old})
    for _ in range(2):  # again, nothing changes
        done = run(*folders)
        assert (done.exit_code, done.stdout) == (0, "")
        assert "1 pages to 2 lines; 0 lines to look at" in done.stderr
        found = read_hand_labels(labels)["set/a"]
        assert found == labelled(BEFORE[0], ("Bread | 2.10", RELATED))


def test_the_command_names_what_it_could_not_tell_and_writes_the_rest(folders):
    labels, lines = folders
    write_label_rows(labels / "en.tsv", {"set/a": labelled(BEFORE[0], ("Milk", OTHER))})
    write_label_rows(labels / "ru.tsv", {"set/b": labelled(("Дощ", CONTENT))})
    done = run(*folders)
    assert done.exit_code == 1
    assert "set/a: line 2 is in no line that was labelled, so unsure now" in done.stderr
    assert "set/a: line 2 is labelled, and in no line any more" in done.stderr
    assert "set/b: no such page" in done.stderr
    found = read_hand_labels(labels)
    assert found["set/a"] == labelled(BEFORE[0], ("Bread | 2.10", UNSURE))
    assert found["set/b"] == labelled(("Дощ", CONTENT))


def test_a_folder_without_labels_is_a_sentence(folders):
    done = run(*folders)
    assert done.exit_code == 2
    assert "no hand labels" in done.stderr


def test_without_labelled_corpora_it_says_what_builds_them(folders, tmp_path):
    labels, _ = folders
    write_label_rows(labels / "en.tsv", {"set/a": labelled(("Bread", RELATED))})
    done = run(labels, tmp_path / "none")
    assert done.exit_code == 2
    assert "no labelled corpora; build them with 'linesift fetch'" in done.stderr
