"""The report in a real browser: keyboard, pointer, light and dark, paper, a narrow screen."""

import re
import shutil

import pytest

from linesift.reports.reasons import explain
from linesift.reports.report import HtmlReport, ReportPage
from tests.made_pages import NEW_SITES, fitted, made_pages
from tests.test_report import HOSTILE, labelled, lines_page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")

NEW = made_pages(NEW_SITES)
SIZE = {"width": 1280, "height": 800}


def write(path, predictions, model=None):
    model = model or fitted().model_
    with HtmlReport() as made:
        for one in predictions:
            made.add(ReportPage(one, explain(model, one)))
        path.write_bytes(b"".join(made.chunks()))
    return path.as_uri()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> str:
    """Address of a report on one page that has lines of every label."""
    page = lines_page(*(f"Line number {k} of twelve, they said." for k in range(1, 13)))
    codes = [2, 2, 0, 3, 0, 0, 1, 1, 0, 3, 2, 2]
    return write(tmp_path_factory.mktemp("one") / "one.html", [labelled(page, codes)])


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("many") / "many.html"
    return write(path, fitted().predict_lines(NEW.pages))


@pytest.fixture
def look(browser):
    """Open an address; at the end nothing was asked for from outside and nothing went wrong."""
    contexts, wrong = [], []

    def opened(address: str, **options):
        context = browser.new_context(**{"viewport": SIZE, **options})
        contexts.append(context)
        own = address.partition("#")[0]
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on(
            "request", lambda request: wrong.append(request.url) if request.url != own else None
        )
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page) -> str:
    return page.evaluate("document.activeElement.id")


def shown(page) -> list[str]:
    """Return the labels of the lines that can be seen."""
    return page.evaluate(
        "[...document.querySelectorAll('.lines > li')].filter(one => one.checkVisibility())"
        ".map(one => one.className.split(' ')[0])"
    )


def reasons(page) -> str:
    return page.inner_text("#reasons")


# -------------------------------------------------------------------------- the keyboard


def test_keys_go_through_the_lines_and_each_shows_its_reasons(look, one):
    page = look(one)
    assert "press j" in reasons(page)
    press(page, "j")
    assert focused(page) == "p1-1"
    assert "Left out as navigation" in reasons(page)
    press(page, "j", "ArrowDown")
    assert focused(page) == "p1-3"
    assert "Kept." in reasons(page)
    assert "Line number 3" in reasons(page)
    assert "Above it stands a menu line, below it another kind of noise." in reasons(page)
    press(page, "k", "ArrowUp", "k")
    assert focused(page) == "p1-1"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_tab_key_stops_once_in_the_lines_and_comes_back_to_where_one_was(look, one):
    page = look(one)
    press(page, "j", "j", "j", "Shift+Tab")
    assert focused(page) != "p1-3"
    press(page, "Tab")
    assert focused(page) == "p1-3"
    assert page.evaluate("document.querySelectorAll('li[tabindex=\"0\"]').length") == 1


def test_keys_work_where_the_layout_has_no_latin_letters(look, one):
    page = look(one)
    page.evaluate(
        "dispatchEvent(new KeyboardEvent('keydown', {key: 'о', code: 'KeyJ', cancelable: true}))"
    )
    assert focused(page) == "p1-1"


def test_the_keys_of_the_browser_are_left_alone(look, one):
    page = look(one)
    press(page, "Control+a", "Alt+j")
    assert page.get_attribute("#article", "aria-pressed") == "false"
    assert focused(page) == ""


def test_filters_hide_lines_of_a_label_and_the_keyboard_skips_them(look, one):
    page = look(one)
    press(page, "3")
    assert "navigation" not in shown(page)
    assert page.get_attribute("[data-label=navigation]", "aria-pressed") == "false"
    press(page, "j")
    assert focused(page) == "p1-3"
    press(page, "3", "4")
    assert set(shown(page)) == {"content", "related", "navigation"}
    press(page, "0")
    assert len(shown(page)) == 12


def test_the_article_alone_is_one_key_away_and_one_back(look, one):
    page = look(one)
    press(page, "a")
    assert shown(page) == ["content"] * 4
    assert page.get_attribute("#article", "aria-pressed") == "true"
    press(page, "a")
    assert len(shown(page)) == 12
    press(page, "2", "3", "4")
    assert page.get_attribute("#article", "aria-pressed") == "true"
    press(page, "Escape")
    assert len(shown(page)) == 12


def test_help_opens_by_key(look, one):
    page = look(one)
    press(page, "?")
    assert page.is_visible("text=next line, line before")
    press(page, "?")
    assert not page.is_visible("text=next line, line before")


# --------------------------------------------------------------------------- the pointer


def test_pointing_at_a_line_shows_its_reasons_and_leaving_shows_those_of_the_focused_one(look, one):
    page = look(one)
    press(page, "j")
    page.hover("#p1-7")
    assert "Line number 7" in reasons(page)
    page.hover("h1")
    assert "Line number 1 " in reasons(page)


def test_buttons_do_what_keys_do(look, one):
    page = look(one)
    page.click("[data-label=related]")
    assert "related" not in shown(page)
    page.click("#article")
    assert set(shown(page)) == {"content"}


# ------------------------------------------------------------------------------- pages


def test_the_key_that_the_reasons_name_opens_a_page_where_none_is_open(look, many):
    page = look(many)
    press(page, "j")
    assert focused(page) == "p1-1"
    press(page, "j")
    assert focused(page) == "p1-2"


def test_many_pages_open_and_close_and_keys_go_from_one_to_the_next(look, many):
    page = look(many)
    assert shown(page) == []
    press(page, "n")
    assert focused(page) == "p1-1"
    first = len(shown(page))
    press(page, "n")
    assert focused(page) == "p2-1"
    assert len(shown(page)) > first
    press(page, "p")
    assert focused(page) == "p1-1"
    page.click("summary:has-text('news9.example/0')")
    assert len(shown(page)) < first + len(NEW.pages[1].lines)


def test_a_link_to_a_line_opens_its_page(look, many):
    page = look(many + "#p2-3")
    assert focused(page) == "p2-3"
    assert page.locator("#p2-3").is_visible()
    assert "Point at a line" not in reasons(page)


# ------------------------------------------------------------------ colours, paper, phones


def contrasts(page) -> dict[str, float]:
    """Return the least contrast of the text of each kind of element with what is behind it."""
    return page.evaluate(
        """() => {
          const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = (c) => c.slice(0, 3).map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
          const behind = (one) => {
            for (; one; one = one.parentElement) {
              const color = rgb(getComputedStyle(one).backgroundColor);
              if (color.length < 4 || color[3] > 0) return color;
            }
            return [255, 255, 255];
          };
          const found = {};
          const texts = "h1, p, button, summary, li span, li a, dt, dd";
          for (const one of document.querySelectorAll(texts)) {
            if (!one.checkVisibility()) continue;
            const [a, b] = [light(rgb(getComputedStyle(one).color)), light(behind(one))];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            const name = `${one.parentElement.className} ${one.tagName} ${one.className}`;
            found[name] = Math.min(found[name] ?? 99, ratio);
          }
          return found;
        }"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(look, one, scheme):
    page = look(one, color_scheme=scheme, reduced_motion="reduce")
    press(page, "?", "j", "j", "j", "j")
    found = contrasts(page)
    assert len(found) > 15
    assert min(found.values()) >= 4.5, {k: v for k, v in found.items() if v < 4.5}
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", paper)))
    assert (brightness > 600) == (scheme == "light")


def test_paper_has_every_line_and_nothing_to_press(look, one):
    page = look(one, color_scheme="dark")
    press(page, "j")
    page.emulate_media(media="print", color_scheme="dark")
    assert len(shown(page)) == 12
    for gone in (".tools", "#why", "#help"):
        assert not page.is_visible(gone)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_narrow_screen_needs_no_scrolling_sideways_and_shows_reasons_below(look, one):
    page = look(one, viewport={"width": 360, "height": 740}, has_touch=True)
    page.tap("#p1-3")
    assert "Kept." in reasons(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    press(page, *"jjjjjjjjj")
    below = page.evaluate("document.getElementById('why').getBoundingClientRect().top")
    line = page.evaluate("document.activeElement.getBoundingClientRect().bottom")
    assert line <= below


def test_without_script_a_line_that_is_pointed_at_shows_its_reasons(look, one):
    page = look(one, java_script_enabled=False)
    assert not page.is_visible("#p1-3-why")
    page.hover("#p1-3")
    assert page.is_visible("#p1-3-why")
    assert not page.is_visible(".tools")


def test_right_to_left_lines_stand_on_the_right(look, tmp_path):
    page = lines_page("قالت الحكومة أمس.", "It rained.")
    opened = look(write(tmp_path / "rtl.html", [labelled(page, [0, 0])]))
    directions = opened.evaluate(
        "[...document.querySelectorAll('li .t')].map(one => getComputedStyle(one).direction)"
    )
    assert directions == ["rtl", "ltr"]


# -------------------------------------------------------------------------- strangers, size


def test_hostile_text_does_nothing(look, tmp_path):
    page = lines_page(*HOSTILE, name=HOSTILE[0])
    opened = look(write(tmp_path / "hostile.html", [labelled(page, [0] * len(HOSTILE))]))
    press(opened, *"jjjjj")
    assert opened.locator(".lines .t").all_inner_texts() == list(HOSTILE)


def test_five_thousand_lines_answer_at_once(look, tmp_path):
    page = lines_page(*(f"Line {k} of many, they said again." for k in range(5000)))
    opened = look(write(tmp_path / "big.html", [labelled(page, [0, 1, 2, 3, 3] * 1000)]))
    took = opened.evaluate(
        """() => {
          const start = performance.now();
          for (const key of "jjjjjjjjjjaj") dispatchEvent(new KeyboardEvent("keydown", {key}));
          document.body.offsetHeight;
          return performance.now() - start;
        }"""
    )
    assert took < 2000
    assert focused(opened) == "p1-11"
