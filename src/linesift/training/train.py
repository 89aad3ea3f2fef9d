"""Train on every labelled page there is, and score the result on pages it has not seen.

With the public corpora built, whole sites are held out for good and score the model.
With nothing but a few hand-labelled pages, each is scored by a model trained on the
others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from linesift.labelling.corpora import read_corpus
from linesift.labelling.hand_labels import outrank, read_hand_labels
from linesift.labelling.labels import (
    HAND,
    LabelledPages,
    is_test_site,
    is_validation_site,
    no_pages,
    read_label_folder,
)
from linesift.labelling.overlap import stands_in
from linesift.models.baselines import RunRule
from linesift.models.prediction import LinePredictor, Predicted
from linesift.models.thresholds import Threshold
from linesift.reading.page import Page
from linesift.reading.readers import read_html
from linesift.scoring.evaluate import Report, evaluate, score_predictions
from linesift.scoring.metrics import Estimate
from linesift.training.classifier import LineClassifier

_HAND_WEIGHT = 2.0  # pages whose every line somebody has read, against those of gold texts
_MANY_SITES = 20  # from which on some are held out; with fewer, each page is scored by the others
Say = Callable[[str], None]
_HTML = (".html", ".htm", ".xhtml")


class DataError(ValueError):
    """There is nothing to train on; the message says what to do."""


@dataclass(frozen=True)
class Data:
    """Labelled pages, split.

    Parameters
    ----------
    train, test : LabelledPages
        Pages to learn from, and pages of sites that no training may see. Without the
        corpora `test` is empty, and pages are scored leave-one-out.
    """

    train: LabelledPages
    test: LabelledPages

    def describe(self) -> str:
        """Return in words which pages there are."""
        parts = []
        for name in sorted({*self.train.corpus, *self.test.corpus}):
            parts.append(f"{name} {self.train.corpus.count(name)} + {self.test.corpus.count(name)}")
        pages = self.train.pages + self.test.pages
        with_markup = sum(page.markup is not None for page in pages)
        return (
            f"pages to train on + held out: {', '.join(parts)}; "
            f"{with_markup} of {len(pages)} with markup"
        )


def load_data(
    *,
    pages: str | Path | None,
    lines: str | Path | None,
    labels: str | Path | None = None,
    html: str | Path | None = None,
    hand_pages: str = "train",
    held_out_pages: Sequence[str] = (),
    hold_out: str = "test",
    without_languages: Sequence[str] = (),
    most_pages: int | None = None,
) -> Data:
    """Return every labelled page there is, split into training and test sites.

    Parameters
    ----------
    pages : path or None
        Folder of hand-labelled pages; None for none.
    lines : path or None
        Folder of labelled corpora; used if it is there.
    labels : path or None
        Folder of hand labels of pages of the corpora, which outrank the aligned labels
        in training; the test pages keep those that all systems are scored by.
    html : path or None
        Folder of the HTML that hand-labelled pages were read from, by their names; the folder
        of labels by default. Pages whose lines are still the same are learned from with
        their markup.
    hand_pages : {"train", "test"}
        What hand-labelled pages are for beside the corpora. Where there is nothing else, they
        are learned from, but those of test sites if there are many sites.
    held_out_pages : sequence of str
        Names of hand-labelled pages that are held out in any case.
    hold_out : {"test", "validation"}
        Sites to score on: the test sites, or for tuning a part of the training sites.
    without_languages : sequence of str
        Languages to leave out of training, to see what carries over to them; only
        their pages are then held out.
    most_pages : int, optional
        Train on so many pages at most, spread over the whole; for a quick look.

    Raises
    ------
    DataError
        There is no labelled page, none to score in the languages left out, or the folder of
        HTML is missing.
    """
    if html is not None and not Path(html).is_dir():
        raise DataError(f"{html}: no such folder of HTML; data.html names it")
    if hand_pages not in ("train", "test"):
        raise DataError(f"hand_pages: expected 'train' or 'test', got {hand_pages!r}")
    if hold_out not in ("test", "validation"):
        raise DataError(f"hold_out: expected 'test' or 'validation', got {hold_out!r}")
    train, test = no_pages(), no_pages()
    hand_labels = read_hand_labels(labels) if labels is not None else {}
    if pages is not None:
        hand = read_label_folder(pages)
        sources = Path(pages if html is None else html)
        hand = hand.map_pages([_with_markup(page, sources) for page in hand.pages])
        is_out = np.array([page.page_id in held_out_pages for page in hand.pages], bool)
        if lines is not None and any(Path(lines).glob("*.parquet")):
            is_out |= hand_pages == "test"
        else:
            is_out |= _of_test_sites(hand.sites)
        train, test = hand.select(~is_out), hand.select(is_out)
    kept = test  # what no training may see: what is scored, and the test sites while tuning
    if lines is not None:
        for path in sorted(Path(lines).glob("*.parquet")):
            corpus = read_corpus(path)
            held_out = np.array([is_test_site(site) for site in corpus.sites], bool)
            kept += corpus.select(held_out)
            if hold_out == "validation":
                corpus = corpus.select(~held_out)
                held_out = np.array([is_validation_site(site) for site in corpus.sites], bool)
            learned = corpus.select(~held_out)
            train += outrank(learned, hand_labels) if hand_labels else learned
            test += corpus.select(held_out)
    # Pages without a gold text wait for hand labels: till then there is nothing to learn or score.
    train, test = (part.select(part.is_labelled) for part in (train, test))
    train = _unseen(train, kept + test if hold_out == "validation" else kept)
    if without_languages:
        left_out = set(without_languages)
        _check_languages(test, left_out)
        train = train.select([page.language not in left_out for page in train.pages])
        test = test.select([page.language in left_out for page in test.pages])
    if most_pages is not None and len(train) > most_pages:
        chosen = np.zeros(len(train), bool)
        chosen[np.linspace(0, len(train) - 1, most_pages).astype(int)] = True
        train = train.select(chosen)
    if not len(train):
        raise DataError(
            "there is no labelled page to train on: put 'label TAB text' files into "
            f"{pages or 'data/pages'} (guesses such as 'content?' do not count), "
            "or build the corpora with 'linesift fetch' and 'linesift lines'"
        )
    return Data(train, test)


def _of_test_sites(sites: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell which pages are of test sites; none of them where there are few to learn from."""
    if len(set(sites)) < _MANY_SITES:
        return np.zeros(len(sites), bool)
    return np.array([is_test_site(site) for site in sites], bool)


def _unseen(train: LabelledPages, kept: LabelledPages) -> LabelledPages:
    """Return pages neither of a site that is kept from training, nor with a text that stands there.

    News agencies serve many sites, and one site may be known by another name in another set.
    """
    sites = set(kept.sites)
    train = train.select([site not in sites for site in train.sites])
    return train.select(~stands_in(train.gold, kept.gold))


def _check_languages(test: LabelledPages, wanted: set[str]) -> None:
    """Refuse languages in which nothing is held out: each training page would be instead."""
    there = {page.language for page in test.pages} - {""}
    if there & wanted:
        return
    mend = f"there are: {', '.join(sorted(there))}"
    if not there:
        mend = "build the corpora with 'linesift fetch' and 'linesift lines'"
    languages = ", ".join(sorted(wanted))
    raise DataError(f"without_languages: no held-out page is in {languages} to score; {mend}")


def _with_markup(page: Page, folder: Path) -> Page:
    """Return a page with the markup of its HTML, where that still says the same lines."""
    root = folder.resolve()
    for suffix in ("", *_HTML, *map(str.upper, _HTML)):  # review takes these off its names
        path = (root / f"{page.page_id}{suffix}").resolve()
        if path.is_file() and path.is_relative_to(root):
            read = read_html(path.read_bytes())
            if [line.split() for line in read.lines] == [line.split() for line in page.lines]:
                return replace(page, lines=read.lines, markup=read.markup)  # with indentation
    return page


@dataclass(frozen=True)
class Training:
    """What a training gave.

    Parameters
    ----------
    model : LinePredictor
        Fitted on all training pages.
    report, baseline : Report
        Scores on pages it has not seen, and those of the model it is built on, else of the
        untuned run rule.
    held_out : str
        In words, which pages those are.
    data : Data
    curve : list of (int, float)
        Pages trained on and line F1, if a learning curve was asked for.
    """

    model: LinePredictor
    report: Report
    baseline: Report
    held_out: str
    data: Data
    curve: list[tuple[int, float]] = field(default_factory=list)

    @property
    def is_built_on_another(self) -> bool:
        """Whether the baseline is the model below this one, instead of the rule."""
        return self.baseline.system == _WITHOUT


def train(
    model: LinePredictor, data: Data, *, curve: Sequence[float] = (), say: Say = lambda text: None
) -> Training:
    """Fit a model and score it on pages that it has not seen.

    Parameters
    ----------
    model : LinePredictor
        Not fitted; stays as it is.
    data : Data
    curve : sequence of float, 0 to 1
        Shares of the training sites for a learning curve; none by default.
    say : callable
        Told what is being done.

    Raises
    ------
    DataError
        Pages cannot be scored by the others, or there is no held-out page for the curve.
    """
    if curve and not len(data.test):
        raise DataError(
            "learning_curve: there is no held-out page to score it on, only those it learns from; "
            "build the corpora with 'linesift fetch' and 'linesift lines', or leave it out"
        )
    say(data.describe())
    say(f"fitting on {len(data.train)} page{'s' * (len(data.train) != 1)}")
    fitted = _fitted(model, data.train)
    if len(data.test):
        say(f"scoring {len(data.test)} held-out pages")
        report = evaluate("linesift", fitted, data.test)
        scored, held_out = data.test, "pages of sites that training has not seen"
    else:
        say("scoring each page by a model trained on the others")
        report = _leave_one_out(model, data.train, fitted.threshold())
        scored, held_out = data.train, "each page by a model trained on the others"
    points = [
        (len(part), _line_f1(_fitted(model, part), scored))
        for part in (_share_of_sites(data.train, share) for share in curve)
    ]
    return Training(fitted, report, _baseline(model, scored), held_out, data, points)


def _baseline(model: LinePredictor, scored: LabelledPages) -> Report:
    """Return the scores of the model that this one is built on, else of the run rule."""
    if hasattr(model, "reference"):
        return evaluate(_WITHOUT, model.reference(), scored)
    return evaluate("run rule", RunRule(), scored, forms=("text",))


def _leave_one_out(model: LinePredictor, labelled: LabelledPages, threshold: Threshold) -> Report:
    if len(labelled) < 2:
        raise DataError("one labelled page cannot be scored; label a second one")
    fitted = []
    for i in range(len(labelled)):
        others = labelled.select(np.arange(len(labelled)) != i)
        try:
            fitted.append(_fitted(model, others))
        except ValueError as error:
            name = labelled.pages[i].page_id
            raise DataError(f"page {name!r} cannot be scored by the others: {error}") from error

    with_markup = [k for k, page in enumerate(labelled.pages) if page.markup is not None]

    def predict(pages: list[Page]) -> Predicted:
        # Scored are all pages, or those that have markup, in their order.
        chosen = range(len(fitted)) if len(pages) == len(fitted) else with_markup
        alone = [fitted[k].predicted([page]) for k, page in zip(chosen, pages, strict=True)]
        types = np.concatenate([one.page_types for one in alone])
        return Predicted([one.lines[0] for one in alone], types)

    return score_predictions("linesift", predict, labelled, threshold)


def _fitted(model: LinePredictor, labelled: LabelledPages) -> LinePredictor:
    """Return a copy of a model fitted to some pages, and to their types if it learns those."""
    fitted = clone(model)
    if not isinstance(fitted, LineClassifier):
        return fitted.fit(labelled.pages, labelled.labels)
    weight = np.where(np.array(labelled.corpus) == HAND, _HAND_WEIGHT, 1.0)
    page_types = labelled.page_types
    return fitted.fit(labelled.pages, labelled.labels, page_types=page_types, sample_weight=weight)


def _share_of_sites(labelled: LabelledPages, share: float) -> LabelledPages:
    sites = sorted(set(labelled.sites))
    rng = np.random.default_rng(0)
    count = max(2, round(share * len(sites)))
    chosen = set(rng.permutation(sites)[:count].tolist())
    return labelled.select([site in chosen for site in labelled.sites])


def _line_f1(fitted: LinePredictor, scored: LabelledPages) -> float:
    report = evaluate("linesift", fitted, scored, forms=("text",))
    return report.forms["text"].groups["all"]["line_f1"].value


def summary(
    training: Training,
    model_file: Path,
    *,
    listing: str,
    links: tuple[str, str],
    seconds: float,
    place: str = "this folder",
) -> str:
    """Return what a person wants to know at the end of a training.

    Parameters
    ----------
    training : Training
    model_file : Path
        The saved model.
    listing : str
        Command that lists the runs of the experiment.
    links : tuple of str
        To all runs of the experiment, and to this one.
    seconds : float
        That all took.
    place : str
        Where `mlflow ui` finds the runs.
    """
    runs, run = links
    pages = len(training.data.train)
    rows = [
        "",
        f"trained on {pages} pages in {seconds:.0f} s; scored on "
        f"{len(next(iter(training.report.forms.values())).labelled)}: {training.held_out}",
        "",
        *(_errors(training) if training.is_built_on_another else ()),
        f"{'':28}{'line F1':24}{'character F1':24}text F1",
    ]
    sites = len(set(next(iter(training.report.forms.values())).labelled.sites))
    for report in (training.report, training.baseline):
        for form, result in report.forms.items():
            scores = result.groups["all"]
            shown = [_shown(scores[name], sites) for name in ("line_f1", "character_f1", "text_f1")]
            name = _FORMS[form] if report is training.report else report.system
            if training.is_built_on_another and report is training.baseline:
                name = f"{_FORMS[form]}, {report.system}"
            rows.append((f"{name:28}" + "".join(f"{text:24}" for text in shown)).rstrip())
    rows += [
        "",
        f"model    {model_file}",
        f"predict  linesift predict --model {model_file} PAGE",
        *(_FEW if pages < _FEW_PAGES and not training.is_built_on_another else ()),
        f"compare  {listing}, or mlflow ui (in {place}) and then",
        f"         {runs}",
        f"this run {run}",
    ]
    return "\n".join(rows)


def _shown(score: Estimate, sites: int) -> str:
    """Return a score as people read it; the interval is over sites, and one site has none."""
    return str(score) if sites > 1 else f"{score.value:.3f}"


def _errors(training: Training) -> list[str]:
    """Return a table of how many lines are wrong, with and without what was learned."""
    rows = [f"{'wrong lines':28}{'label':24}kept or dropped"]
    for form, name in _FORMS.items():
        for report, suffix in ((training.report, ""), (training.baseline, f", {_WITHOUT}")):
            if form in report.forms:
                result = report.forms[form]
                lines = int(result.scores.confusion.sum())
                shares = [result.groups["all"][score].value for score in ERRORS]
                shown = [f"{round(s * lines):,} of {lines:,} ({s:.1%})" for s in shares]
                rows.append(f"{name + suffix:28}{shown[0]:24}{shown[1]}")
    return [*rows, ""]


_FORMS = {"text": "text only", "markup": "with markup"}
_FEW_PAGES = 100  # the model in the package knows more than what so few can teach
_FEW = (
    "         It has seen few pages and knows little of others. Without --model the one in the",
    "         package judges, which has learned from thousands.",
)
_WITHOUT = "without it"
ERRORS = ("wrong_label", "wrong_keep")
"""Scores by which a model is held against the one it is built on."""


def card_facts(training: Training, **facts: Any) -> dict[str, Any]:
    """Return what the card of a trained model says of its data and scores."""
    data = training.data
    return {
        "data": {
            "train_pages": {n: data.train.corpus.count(n) for n in sorted(set(data.train.corpus))},
            "train_digest": data.train.digest(),
            "test_digest": training.report.digest,
        },
        "held_out": training.held_out,
        "scores": {
            form: {
                name: [round(v, 4) for v in (score.value, score.low, score.high)]
                for name, score in result.groups["all"].items()
            }
            for form, result in training.report.forms.items()
        },
        **facts,
    }
