"""A real browser labels pages of a real `linesift review`; the files on the disk must agree."""

import shutil
from pathlib import Path

import pytest

from linesift.labelling.labels import CONTENT, NAVIGATION, OTHER, RELATED, UNSURE, load_label_file
from tests.reviewing import reviewing

pytest.importorskip("flask", reason="the review extra is not installed")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("chromium is not installed", allow_module_level=True)

LINES = [
    "Home",
    "<script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "The old mill lost its roof near the river, because the rain had stopped.",
    "השוק נפתח מחדש אחרי חורף ארוך.",
    "Read also: the harbour office counted the herons",
    "</span></li></ol><b>All rights reserved</b>",
]


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Reviewer:
    """One window on the labelling page."""

    def __init__(self, browser, link: str) -> None:
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.page = browser.new_context().new_page()
        self.page.on("console", lambda said: self.errors.append(said.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        origin = link.partition("/?")[0]
        self.page.on(
            "request",
            lambda sent: sent.url.startswith(origin) or self.outside.append(sent.url),
        )
        self.page.goto(link)
        self.page.wait_for_selector(".line.cursor")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.page.wait_for_selector("#saving[data-state=saved]")

    def cursor(self) -> int:
        return int(self.page.locator(".line.cursor .number").inner_text())

    def labels(self) -> list[str | None]:
        """Label of each line that is labelled by hand, as shown."""
        rows = self.page.locator(".line").all()
        return [
            row.locator(".chip").inner_text() if "by-hand" in row.get_attribute("class") else None
            for row in rows
        ]


@pytest.fixture
def labels(tmp_path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.txt").write_text("\n".join(LINES), encoding="utf-8")
    return tmp_path / "labels"


@pytest.fixture
def reviewer(browser, model, labels):
    with reviewing(model, "--labels", labels, labels.parent / "in") as (_, link):
        reviewer = Reviewer(browser, link)
        yield reviewer
        assert reviewer.errors == []
        assert reviewer.outside == []
        reviewer.page.context.close()


def known(labels: Path, name: str = "one") -> list[int]:
    return load_label_file(labels / f"{name}.tsv").known.tolist()


def test_keys_label_lines_and_blocks_and_undo_works_on_the_disk(reviewer, labels):
    reviewer.page.select_option("#order", "page")
    reviewer.press("Home", "3", "4", "u")
    assert reviewer.labels()[:4] == ["navigation", "other", "unsure", None]
    assert known(labels) == [NAVIGATION, OTHER, UNSURE, *[UNSURE] * 4]
    assert load_label_file(labels / "one.tsv").by_hand.tolist() == [True] * 3 + [False] * 4
    assert reviewer.cursor() == 4
    reviewer.press("Shift+ArrowDown", "1", "2")
    assert known(labels) == [NAVIGATION, OTHER, UNSURE, CONTENT, CONTENT, RELATED, UNSURE]
    reviewer.press("z", "Control+z")
    assert reviewer.labels() == ["navigation", "other", "unsure", *[None] * 4]
    assert load_label_file(labels / "one.tsv").by_hand.sum() == 3
    reviewer.press("y", "Control+Shift+Z")
    assert known(labels) == [NAVIGATION, OTHER, UNSURE, CONTENT, CONTENT, RELATED, UNSURE]
    assert "6 of 7 lines" in reviewer.page.locator("#page-count").inner_text()
    reviewer.press("Home", "Backspace")
    assert load_label_file(labels / "one.tsv").by_hand.tolist() == [False, *[True] * 5, False]


def test_the_least_certain_line_comes_first_and_agreeing_keeps_what_the_model_said(
    reviewer, labels
):
    sure = [int(text.split()[0]) for text in reviewer.page.locator(".sure").all_inner_texts()]
    assert sure[reviewer.cursor() - 1] == min(sure)
    first = reviewer.cursor()
    guessed = reviewer.page.locator(".line .chip").all_inner_texts()
    reviewer.press("Enter")
    assert reviewer.labels()[first - 1] == guessed[first - 1]
    left = [one for i, one in enumerate(sure, start=1) if i != first]
    assert sure[reviewer.cursor() - 1] == min(left)
    seen = [reviewer.cursor()]
    for _ in LINES[2:]:
        reviewer.press("n")
        seen.append(reviewer.cursor())
    assert sorted([first, *seen]) == list(range(1, 8))
    assert [sure[i - 1] for i in seen] == sorted(left)
    reviewer.press("a")
    assert reviewer.labels() == guessed
    assert load_label_file(labels / "one.tsv").by_hand.all()
    assert "All lines of all pages are labelled." in reviewer.page.locator("#said").inner_text()


def test_it_opens_on_the_first_page_that_is_not_labelled_to_its_end(browser, model, labels):
    (labels.parent / "in" / "two.txt").write_text("\n".join(LINES[:4]), encoding="utf-8")
    with reviewing(model, "--labels", labels, labels.parent / "in") as (_, link):
        first = Reviewer(browser, link)
        name = first.page.locator("#page-name").inner_text()
        first.press("a")
        again = Reviewer(browser, link)
        assert again.page.locator("#page-name").inner_text() != name
        again.press("a")
        assert Reviewer(browser, link).page.locator("#page-name").inner_text() == name


def test_text_of_a_page_is_shown_as_text(reviewer):
    assert reviewer.page.locator(".line .text").all_inner_texts() == LINES
    assert reviewer.page.title() == "one – linesift review"
    assert reviewer.page.locator("#lines script, #lines img, #lines b").count() == 0
    direction = "e => getComputedStyle(e).direction"
    shown = [one.evaluate(direction) for one in reviewer.page.locator(".line .text").all()]
    assert shown == ["ltr", "ltr", "ltr", "ltr", "rtl", "ltr", "ltr"]


def test_keys_work_on_a_keyboard_that_writes_cyrillic(reviewer, labels):
    reviewer.press("Home")
    reviewer.page.evaluate(
        "document.getElementById('lines').dispatchEvent(new KeyboardEvent('keydown', "
        "{key: 'г', code: 'KeyU', bubbles: true, cancelable: true}))"
    )
    reviewer.press("Escape")
    assert reviewer.labels()[0] == "unsure"


def test_the_number_pad_labels_with_digits_and_moves_without_num_lock(reviewer, labels):
    reviewer.page.select_option("#order", "page")
    reviewer.press("Home")
    for key in ("ArrowDown", "4"):
        reviewer.page.evaluate(
            "key => document.getElementById('lines').dispatchEvent(new KeyboardEvent('keydown', "
            "{key, code: key === '4' ? 'Numpad4' : 'Numpad2', bubbles: true, cancelable: true}))",
            key,
        )
    reviewer.press("Escape")
    assert reviewer.labels() == [None, "other", *[None] * 5]
    assert reviewer.cursor() == 3


def test_a_screen_reader_is_told_line_label_and_selection(reviewer):
    listbox = reviewer.page.get_by_role("listbox", name="Lines of the page")
    assert listbox.evaluate("e => e === document.activeElement")
    reviewer.press("Home", "3")
    option = reviewer.page.get_by_role("option", name="Line 1, navigation, labelled: Home")
    assert option.count() == 1
    reviewer.press("Home", "Shift+ArrowDown")
    assert listbox.get_by_role("option", selected=True).count() == 2
    assert listbox.get_attribute("aria-activedescendant") == "line-1"


def test_two_windows_and_two_processes_lose_nothing(browser, model, labels):
    arguments = ("--labels", labels, labels.parent / "in")
    with reviewing(model, *arguments) as (_, first), reviewing(model, *arguments) as (_, second):
        one, two, three = (Reviewer(browser, link) for link in (first, first, second))
        for reviewer in (one, two, three):
            reviewer.page.select_option("#order", "page")
        one.press("Home", "1")
        two.press("Home", "ArrowDown", "2")
        three.press("End", "3")
        assert known(labels) == [CONTENT, RELATED, *[UNSURE] * 4, NAVIGATION]
        assert three.labels() == ["content", "related", *[None] * 4, "navigation"]
        three.press("Home", "4")
        assert known(labels)[0] == OTHER
        one.press("z")  # what three has labelled since is not undone
        assert known(labels)[0] == OTHER
        assert one.labels()[0] == "other"
        assert one.errors == two.errors == three.errors == []


def test_an_answer_that_is_older_than_what_was_saved_since_changes_nothing(reviewer, labels):
    held = []

    def hold(route) -> None:
        if route.request.method == "GET":
            held.append((route, route.fetch()))  # as it stands now, and delivered later
        else:
            route.continue_()

    reviewer.page.route("**/api/pages/*", hold)
    reviewer.press("Home")
    reviewer.page.evaluate("window.dispatchEvent(new Event('focus'))")
    while not held:
        reviewer.page.wait_for_timeout(20)
    reviewer.press("3")
    route, answer = held[0]
    with reviewer.page.expect_event("requestfinished"):
        route.fulfill(response=answer)
    reviewer.page.wait_for_timeout(100)
    assert reviewer.labels()[0] == "navigation"
    assert known(labels)[0] == NAVIGATION


def test_what_cannot_be_saved_is_said_and_saved_later(reviewer, labels):
    reviewer.page.route("**/api/pages/*", lambda route: route.abort())
    reviewer.page.keyboard.press("Home")
    reviewer.page.keyboard.press("4")
    reviewer.page.wait_for_selector("#saving[data-state=failed]")
    assert "Not saved yet" in reviewer.page.locator("#trouble").inner_text()
    reviewer.page.unroute("**/api/pages/*")
    reviewer.page.wait_for_selector("#saving[data-state=saved]", timeout=10_000)
    assert known(labels)[0] == OTHER
    assert all("ERR_FAILED" in error for error in reviewer.errors)
    reviewer.errors.clear()
