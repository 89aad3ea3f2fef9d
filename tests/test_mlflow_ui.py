"""What a user of `mlflow ui` looks at, in a real browser on a real server.

Screenshots of every view lie in the folder of the test.
"""

import json
import re
import shutil

import pytest

from tests.tracked import EXPERIMENT, free_port, mlflow_server, track, tracker_in

mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")

SECONDS = 1000
NAMES = ("default", "alone")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    before = mlflow.get_tracking_uri()
    yield tmp_path_factory.mktemp("ui")
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def links(folder):
    """Links of two runs, by name, as `train.py` prints them."""
    tracker = tracker_in(folder, free_port())
    found = {"default": track(tracker, folder, "default")}
    found["alone"] = track(tracker, folder, "alone", context_passes=0)
    with mlflow_server(folder, "ui", port=tracker.port, ready="/health") as address:
        assert found["alone"].runs.startswith(f"{address}/#/experiments/")
        yield found


@pytest.fixture(scope="module")
def runs(links, folder):
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    return {run.info.run_name: run for run in client.search_runs([experiment])}


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        sync_api.expect.set_options(timeout=60 * SECONDS)  # the machine may be busy
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()
        sync_api.expect.set_options(timeout=5 * SECONDS)


@pytest.fixture
def look(browser, folder, request):
    """Open an address as somebody who was never here; keep a picture of what is there at last."""
    context = browser.new_context(viewport={"width": 1500, "height": 900})
    context.set_default_timeout(60 * SECONDS)
    page = context.new_page()

    def opened(address: str):
        page.goto(address)
        close_assistant(page)
        return page

    yield opened
    page.screenshot(path=folder / f"{request.node.name}.png")
    context.close()


def close_assistant(page) -> None:
    """Close the panel that MLflow opens over a third of the window on a first visit."""
    panel = page.locator("[aria-label=Close]:visible")
    try:
        panel.first.click(timeout=5 * SECONDS)
    except sync_api.TimeoutError:
        pass


def cell(page, run: str, column: str):
    """Return the cell of a run in a column of the table of runs."""
    row = page.locator("[row-index]").filter(has=page.get_by_role("link", name=run, exact=True))
    index = row.first.get_attribute("row-index")
    return page.locator(f'[row-index="{index}"] [col-id="{column}"]')


def test_the_link_of_the_runs_opens_a_table_with_the_columns_that_matter(look, links, runs):
    page = look(links["alone"].runs)
    for name, changed in (("default", ""), ("alone", "model.context_passes=0")):
        sync_api.expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
        metrics = runs[name].data.metrics
        for metric in ("text/line_f1", "text/character_f1", "markup/line_f1"):
            shown = cell(page, name, f"metrics.`{metric}`")
            sync_api.expect(shown).to_have_text(f"{metrics[metric]:g}")
        sync_api.expect(cell(page, name, "params.`pages.trained_on`")).to_have_text("9")
        sync_api.expect(cell(page, name, "tags.`changed`")).to_have_text(changed or "-")
    for head in ("changed", "text/line_f1", "text/label/related"):
        sync_api.expect(page.get_by_role("columnheader", name=head).first).to_be_visible()


def test_the_view_is_offered_to_those_who_come_another_way(look, links):
    page = look(links["alone"].runs.partition("&")[0])
    page.get_by_role("button", name="Views").click()
    page.get_by_text("scores", exact=True).click()
    sync_api.expect(page.get_by_role("columnheader", name="text/line_f1").first).to_be_visible()


def test_bars_of_scores_stand_before_those_of_the_rule_and_of_intervals(look, links):
    page = look(f"{links['alone'].runs}&compareRunsMode=CHART")
    sync_api.expect(page.get_by_text("markup/line_f1", exact=True)).to_be_visible()
    shown = page.locator("body").inner_text()
    sections = [r"markup\s\(2\)", r"text\s\(2\)", r"untuned_rule\s\(1\)", r"within_95_percent\s\("]
    found = [re.search(rf"^{section}", shown, re.MULTILINE) for section in sections]
    assert all(found), shown
    places = [one.start() for one in found]
    assert places == sorted(places)


def test_a_run_says_in_words_what_it_is(look, links, runs):
    page = look(links["alone"].run)
    for sentence in runs["alone"].data.tags["mlflow.note.content"].split("\n\n")[:1]:
        sync_api.expect(page.get_by_text(sentence)).to_be_visible()
    page.get_by_text("Show more").click()
    sync_api.expect(page.get_by_text("model.context_passes=0").first).to_be_visible()
    sync_api.expect(page.get_by_text("Trained on 9 pages of 9 sites")).to_be_visible()
    sync_api.expect(page.get_by_text("only 15 pages were scored")).to_be_visible()
    sync_api.expect(page.get_by_text("Registered models").first).to_be_visible()


def test_the_worst_lines_can_be_read_in_full(look, links, runs, folder):
    name = "worst_lines_text.txt"
    page = look(links["alone"].run.replace("?", f"/artifacts/{name}?"))
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    path = client.download_artifacts(runs["alone"].info.run_id, name, str(folder))
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    sync_api.expect(page.get_by_text(lines[1].strip()).first).to_be_visible()


def test_figures_are_shown(look, links):
    page = look(links["alone"].run.replace("?", "/artifacts/figures/precision_recall.png?"))
    picture = page.locator("img[src*=precision_recall], img[src^=blob]").first
    sync_api.expect(picture).to_be_visible()
    assert picture.evaluate("one => one.naturalWidth") > 300


def test_two_runs_are_compared_by_what_they_changed(look, links, runs):
    base, _, experiment = links["alone"].runs.partition("?")[0].partition("/#/experiments/")
    chosen = json.dumps([runs[name].info.run_id for name in NAMES], separators=(",", ":"))
    number = experiment.partition("/")[0]
    page = look(
        f'{base}/#/compare-runs?runs={chosen}&experiments=["{number}"]'
        "&workflowType=machine_learning"
    )
    sync_api.expect(page.get_by_text("context_passes").first).to_be_visible()
    for name in NAMES:
        sync_api.expect(page.get_by_text(name, exact=True).first).to_be_visible()
