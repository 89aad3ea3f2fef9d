import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from linesift.labelling.label_store import Change, LabelStore, file_name
from linesift.labelling.labels import (
    CONTENT,
    NAVIGATION,
    OTHER,
    RELATED,
    UNSURE,
    LabelError,
    check_labels,
    load_label_file,
    parse_label_file,
    read_label_file,
    read_label_folder,
    write_label_file,
)
from linesift.reading.page import Page
from linesift.reading.readers import read_text

PAGE = read_text("Заголовок\n\nПерший абзац.\nЧитайте також\nНагору", "news", language="uk")
GUESSES = np.array([CONTENT, CONTENT, RELATED, NAVIGATION], np.int8)


@pytest.fixture
def store(tmp_path):
    return LabelStore(tmp_path / "labels")


def test_only_what_a_person_said_is_a_label_and_the_rest_is_marked_as_guessed(store):
    store.save(PAGE, GUESSES, {3: Change(CONTENT), 5: Change(UNSURE)})
    text = store.path(PAGE).read_text(encoding="utf-8")
    assert text.splitlines()[3:] == [
        "content?\tЗаголовок",
        "",
        "content\tПерший абзац.",
        "related?\tЧитайте також",
        "unsure\tНагору",
    ]
    page, labels = read_label_file(store.path(PAGE))
    assert (page.lines, page.numbers) == (PAGE.lines, PAGE.numbers)
    assert labels.tolist() == [UNSURE, CONTENT, UNSURE, UNSURE]


def test_a_page_that_is_only_guessed_is_not_read_for_training(store):
    store.write_guesses(PAGE, GUESSES)
    assert len(read_label_folder(store.folder)) == 0
    store.save(PAGE, GUESSES, {1: Change(OTHER)})
    assert len(read_label_folder(store.folder)) == 1


def test_a_label_that_is_taken_back_is_a_guess_again(store):
    store.save(PAGE, GUESSES, {1: Change(OTHER)})
    store.save(PAGE, GUESSES, {1: Change(None, was=OTHER)})
    file = load_label_file(store.path(PAGE))
    assert not file.by_hand.any()
    assert file.labels.tolist() == GUESSES.tolist()


def test_two_who_label_different_lines_keep_both_and_the_last_has_the_last_word(tmp_path):
    one, two = LabelStore(tmp_path), LabelStore(tmp_path)
    one.save(PAGE, GUESSES, {1: Change(CONTENT)})
    merged = two.save(PAGE, GUESSES, {1: Change(OTHER), 3: Change(RELATED)})
    assert merged.replaced == (1,)
    assert two.save(PAGE, GUESSES, {4: Change(RELATED)}).replaced == ()
    file = load_label_file(one.path(PAGE))
    assert file.known.tolist() == [OTHER, RELATED, RELATED, UNSURE]


def test_undo_leaves_alone_what_somebody_else_has_labelled_since(store):
    store.save(PAGE, GUESSES, {1: Change(CONTENT), 3: Change(CONTENT)})
    store.save(PAGE, GUESSES, {1: Change(OTHER)})
    undo = {number: Change(None, was=CONTENT, firm=False) for number in (1, 3)}
    merged = store.save(PAGE, GUESSES, undo)
    assert merged.skipped == (1,)
    assert merged.file.by_hand.tolist() == [True, False, False, False]
    assert merged.file.labels[0] == OTHER


def test_the_version_changes_with_any_label_and_only_then(store):
    assert store.read(PAGE) == (None, "")
    first = store.save(PAGE, GUESSES, {1: Change(CONTENT)}).version
    assert store.save(PAGE, GUESSES, {1: Change(CONTENT)}).version == first
    assert store.save(PAGE, GUESSES, {1: Change(OTHER)}).version != first
    assert store.read(PAGE)[1] == store.save(PAGE, GUESSES, {1: Change(OTHER)}).version


def test_a_page_with_indented_lines_is_found_again(store):
    page = read_text("Code:\n    def f(*args):\n\t- **a**\u00a0b", "code")
    labels = np.array([CONTENT, CONTENT, OTHER], np.int8)
    store.save(page, labels, {2: Change(CONTENT)})
    file, _ = store.read(page)
    check_labels(file.page, page)
    assert file.page.lines == tuple(map(str.strip, page.lines))
    assert file.by_hand.tolist() == [False, True, False]


def test_remarks_and_name_of_a_file_that_people_wrote_are_kept(tmp_path):
    path = tmp_path / "own name.tsv"
    path.write_text("# page: news\n# by: reader\n# site: a.example\ncontent\tЗаголовок\n\n")
    page = Page("news", ("Заголовок",), (1,))
    store = LabelStore(tmp_path)
    store.save(page, np.array([OTHER], np.int8), {1: Change(RELATED)})
    assert [file.name for file in tmp_path.iterdir()] == ["own name.tsv"]
    assert "# by: reader\n" in path.read_text()
    assert read_label_file(path)[0].site == "a.example"


def test_a_page_whose_lines_changed_is_refused_and_its_labels_stay(store):
    store.save(PAGE, GUESSES, {1: Change(CONTENT)})
    before = store.path(PAGE).read_bytes()
    changed = read_text("Заголовок\n\nДругий абзац.\nЧитайте також\nНагору", "news")
    with pytest.raises(LabelError, match="line 3 is 'Другий"):
        store.save(changed, GUESSES, {1: Change(OTHER)})
    assert store.path(PAGE).read_bytes() == before


def test_a_line_that_is_not_there_saves_nothing(store):
    with pytest.raises(LabelError, match="no line 2"):
        store.save(PAGE, GUESSES, {1: Change(OTHER), 2: Change(OTHER)})
    assert not store.folder.exists()


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        "a\\..\\b",
        "",
        ".hidden",
        "x" * 999,
        "\0\n",
        "я" * 300,
    ],
)
def test_whatever_a_page_is_called_its_file_is_in_the_folder(store, name):
    page = Page(name, PAGE.lines, PAGE.numbers)
    store.save(page, GUESSES, {1: Change(CONTENT)})
    (found,) = store.folder.iterdir()
    assert store.path(page) == found
    assert found.parent == store.folder
    assert found.suffix == ".tsv"
    assert not found.name.startswith(".")
    assert read_label_file(found)[1][0] == CONTENT


def test_pages_that_would_share_a_name_do_not_share_a_file(store):
    pages = [Page(name, (name,), (1,)) for name in ("a/b", "a b", "a?b")]
    for page in pages:
        store.save(page, np.array([OTHER], np.int8), {1: Change(CONTENT)})
    assert len({store.path(page) for page in pages}) == 3
    assert [store.read(page)[0].page.lines[0] for page in pages] == ["a/b", "a b", "a?b"]
    fresh = LabelStore(store.folder)
    assert [fresh.path(page) for page in pages] == [store.path(page) for page in pages]


def test_a_file_name_is_readable():
    assert file_name("below/Новина дня") == "below-Новина-дня"


def test_guesses_do_not_replace_what_people_said(store):
    write_label_file(store.folder / "news.tsv", PAGE, [OTHER] * 4)
    before = (store.folder / "news.tsv").read_bytes()
    with pytest.raises(LabelError, match="4 lines are labelled by hand"):
        store.write_guesses(PAGE, GUESSES)
    assert (store.folder / "news.tsv").read_bytes() == before
    store.write_guesses(PAGE, GUESSES, force=True)
    assert not load_label_file(store.folder / "news.tsv").by_hand.any()


def test_a_guess_of_no_known_label_is_named(tmp_path):
    with pytest.raises(LabelError, match="a.tsv: line 2: .*got 'contnt'"):
        parse_label_file(b"content?\ta\ncontnt?\tb\n", "a.tsv")


def test_many_writers_in_threads_lose_no_line(tmp_path):
    page = Page("p", tuple(f"line {i}" for i in range(60)), tuple(range(1, 61)))
    guesses = np.full(60, OTHER, np.int8)

    def write(first: int) -> None:
        store = LabelStore(tmp_path)
        for number in range(first, 61, 3):
            store.save(page, guesses, {number: Change(number % 4)})

    threads = [threading.Thread(target=write, args=(first,)) for first in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (path,) = tmp_path.iterdir()
    assert read_label_file(path)[1].tolist() == [number % 4 for number in range(1, 61)]


WRITER = """
import sys
import numpy as np
from linesift.labelling.label_store import Change, LabelStore
from linesift.reading.page import Page
first, count = int(sys.argv[2]), int(sys.argv[3])
page = Page("p", tuple(f"line {i}" for i in range(100)), tuple(range(1, 101)))
store = LabelStore(sys.argv[1])
store.sweep()
print("ready", flush=True)
sys.stdin.readline()
for k in range(count):
    store.save(page, np.full(100, 3, np.int8), {first + 2 * (k % 50): Change(k // 50 % 4)})
"""


def writer(folder, first: int, count: int) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def started(*processes: subprocess.Popen) -> None:
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()


def test_two_processes_lose_no_line(tmp_path):
    processes = [writer(tmp_path, first, 50) for first in (1, 2)]
    started(*processes)
    assert [process.wait(60) for process in processes] == [0, 0]
    for process in processes:
        process.stdin.close()
        process.stdout.close()
    (path,) = tmp_path.iterdir()
    assert read_label_file(path)[1].tolist() == [0] * 100


def test_a_writer_killed_in_the_middle_leaves_a_whole_file(tmp_path):
    for round_number in range(3):
        process = writer(tmp_path, 1, 1_000_000)
        started(process)
        time.sleep(0.15 + 0.07 * round_number)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        process.stdin.close()
        process.stdout.close()
        file = load_label_file(tmp_path / "p.tsv")
        assert len(file.page.lines) == 100
        assert file.by_hand.sum() >= 1
    (tmp_path / ".p.tsv.abcd1234").write_text("half")
    LabelStore(tmp_path).sweep()
    assert [file.name for file in tmp_path.iterdir()] == ["p.tsv"]
