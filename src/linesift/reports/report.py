"""One HTML page that shows how pages were judged, line by line, and why.

The page stands alone: it asks for nothing from outside, and its own policy forbids it to.
Style and script are known to that policy by their hashes, so that nothing which a judged
page smuggles in could run, even if it were not escaped, and it always is.

Pages go to a temporary file as they come; what is held of each is a row of totals.
"""

import base64
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib import resources
from types import TracebackType

from linesift.labelling.labels import CONTENT, LABELS
from linesift.models.prediction import PagePrediction
from linesift.reading.text import visible
from linesift.reports.reasons import AGAINST, FOR, NEITHER, LineReasons, percent

_LONGEST = 2000  # characters shown of a line
_LONGEST_WORD = 40
_IN_MEMORY = 8 << 20  # bytes of a report that need no file
_CHUNK = 1 << 20
_STEPS = 20  # widths of the bar under a probability
_OPEN, _CLOSED = b'<details class="page" open>\n', b'<details class="page">\n'

_MEANINGS = {
    "content": "the page’s own article: title, paragraphs, subheads, list items, quotes",
    "related": "lists and teasers of other articles",
    "navigation": "menus, tags, links to pages and sections, search",
    "other": "bylines, dates, captions, buttons, promotion, comments, legal notices",
}
_KEYS = (
    ("j k ↓ ↑", "next line, line before"),
    ("n p", "next page, page before"),
    ("1 2 3 4", "show or hide a label"),
    ("a", "the article only"),
    ("0 Esc", "show everything again"),
    ("?", "this help"),
)


@dataclass(frozen=True, slots=True)
class ReportPage:
    """What a report shows of one page.

    Parameters
    ----------
    prediction : PagePrediction
    reasons : sequence of LineReasons
        From `linesift.reports.reasons.explain`, one a line.
    """

    prediction: PagePrediction
    reasons: Sequence[LineReasons]


@dataclass(frozen=True, slots=True)
class _Totals:
    """Lines and characters of one page or of many."""

    lines: int = 0
    kept: int = 0
    characters: int = 0
    kept_characters: int = 0
    labels: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, prediction: PagePrediction) -> "_Totals":
        sizes = [len(line) for line in prediction.page.lines]
        kept = prediction.keep.tolist()
        return cls(
            len(sizes),
            sum(kept),
            sum(sizes),
            sum(size for size, keep in zip(sizes, kept, strict=True) if keep),
            Counter(prediction.labels),
        )

    def __add__(self, other: "_Totals") -> "_Totals":
        return _Totals(
            self.lines + other.lines,
            self.kept + other.kept,
            self.characters + other.characters,
            self.kept_characters + other.kept_characters,
            self.labels + other.labels,
        )


class HtmlReport:
    """A report that pages are added to; `chunks` gives the whole.

    Examples
    --------
    >>> from linesift import read_text
    >>> from linesift.models.baselines import RunRule
    >>> from linesift.reports.reasons import explain
    >>> (prediction,) = RunRule().predict_lines([read_text("It rained <b>all</b> day long.", "a")])
    >>> with HtmlReport() as report:
    ...     report.add(ReportPage(prediction, explain(RunRule(), prediction)))
    ...     html = b"".join(report.chunks()).decode()
    >>> html.count("It rained &lt;b&gt;all&lt;/b&gt; day long.")
    1
    """

    def __init__(self) -> None:
        self._sections = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        self._totals = _Totals()
        self._first_name = ""
        self.n_pages = 0

    def __enter__(self) -> "HtmlReport":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sections.close()

    def add(self, page: ReportPage) -> None:
        """Add one page below those that are there."""
        self.n_pages += 1
        if self.n_pages == 1:
            self._first_name = page.prediction.page.page_id
        else:
            self._sections.write(_CLOSED)
        totals = _Totals.of(page.prediction)
        self._totals += totals
        for piece in _section(page, totals, self.n_pages):
            self._sections.write(piece.encode("utf-8", "replace"))

    def chunks(self) -> Iterator[bytes]:
        """Yield the page as UTF-8, from its first byte to its last."""
        for piece in self._head():
            yield piece.encode("utf-8", "replace")
        self._sections.seek(0)
        if self.n_pages:
            yield _OPEN if self.n_pages == 1 else _CLOSED
        while chunk := self._sections.read(_CHUNK):
            yield chunk
        yield f"</main>\n{_panel()}\n<script>{_asset('js')}</script>\n</body>\n</html>\n".encode()

    def _head(self) -> Iterator[str]:
        alone = self.n_pages == 1
        name = _plain(self._first_name) if alone else f"{self.n_pages:,} pages"
        yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        yield f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy()}">\n'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        yield '<meta name="color-scheme" content="light dark">\n'
        yield '<meta name="referrer" content="no-referrer">\n'
        yield f"<title>{escape(name)} – linesift</title>\n<style>{_asset('css')}</style>\n</head>\n"
        yield f'<body class="{"alone" if alone else "many"}">\n<header>\n'
        yield f"<h1>{_text(self._first_name) if alone else escape(name)}</h1>\n"
        yield f"{_figures(self._totals)}\n{_help()}\n</header>\n"
        yield f"{_toolbar(self._totals)}\n<main>\n"


def content_security_policy() -> str:
    """Return the policy of the page: its own style and script, and nothing else at all."""
    style, script = (
        base64.b64encode(hashlib.sha256(_asset(kind).encode()).digest()).decode()
        for kind in ("css", "js")
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _asset(kind: str) -> str:
    return (resources.files("linesift.reports") / f"report.{kind}").read_text(encoding="utf-8")


# -------------------------------------------------------------------- around the pages


def _figures(totals: _Totals) -> str:
    share = totals.kept_characters / totals.characters if totals.characters else 0
    return (
        f'<p class="figures"><b>{totals.kept:,}</b> of {totals.lines:,} lines kept, '
        f"<b>{totals.kept_characters:,}</b> of {totals.characters:,} characters "
        f"({100 * share:.0f}\u00a0%)</p>"
    )


def _toolbar(totals: _Totals) -> str:
    buttons = "\n".join(
        f'<button type="button" class="{label}" data-label="{label}" aria-pressed="true" '
        f'aria-keyshortcuts="{key}"><kbd>{key}</kbd> {label} '
        f"<span>{totals.labels[label]:,}</span></button>"
        for key, label in enumerate(LABELS, start=1)
    )
    return (
        f'<div class="tools" role="toolbar" aria-label="What is shown">\n{buttons}\n'
        '<button type="button" id="article" aria-pressed="false" aria-keyshortcuts="a">'
        "<kbd>a</kbd> article only</button>\n</div>"
    )


def _help() -> str:
    meanings = "".join(f'<dt class="{k}">{k}</dt><dd>{v}</dd>' for k, v in _MEANINGS.items())
    keys = "".join(
        f"<dt>{' '.join(f'<kbd>{key}</kbd>' for key in names.split())}</dt><dd>{does}</dd>"
        for names, does in _KEYS
    )
    return (
        '<details class="help" id="help"><summary>How to read this page</summary>\n'
        "<p>Every line of the page stands here in its place, with its number, its label and "
        "the probability that it belongs to the article. Point at a line, click it or go to it "
        "by keyboard to see why. Words are weighed as the model does, by the sequences of "
        "letters in them.</p>\n"
        f"<dl>{meanings}</dl>\n<dl>{keys}</dl>\n</details>"
    )


def _panel() -> str:
    return (
        '<aside id="why" aria-label="Why"><div id="reasons">'
        "<p>Point at a line, or press <kbd>j</kbd>, to see why it is judged as it is.</p>"
        "</div></aside>"
    )


# --------------------------------------------------------------------------- one page


def _section(page: ReportPage, totals: _Totals, number: int) -> Iterator[str]:
    """Yield one page of the report, piece by piece."""
    prediction = page.prediction
    page_type = _page_type(prediction)
    counts = ((label, totals.labels[label]) for label in LABELS)
    kinds = " · ".join(f"{label} {count:,}" for label, count in counts if count)
    note = _note(page)
    yield f"<summary><h2>{_text(prediction.page.page_id)}</h2> "
    yield f'<span class="type">{page_type}</span> ' if page_type else ""
    yield f"<span>{totals.kept:,} of {totals.lines:,} lines</span></summary>\n"
    yield f'<div class="about" id="p{number}">{_figures(totals)}<p>{kinds}</p>'
    yield f'<p class="type">Page type: {page_type}</p>' if page_type else ""
    yield f'<p class="note">{escape(note)}</p></div>\n' if note else "</div>\n"
    yield '<ol class="lines">\n'
    for k in range(len(prediction.page.lines)):
        yield _line(page, k, f"p{number}-{prediction.page.numbers[k]}")
    yield "</ol>\n</details>\n"


def _page_type(prediction: PagePrediction) -> str:
    """Return the type of a page and how likely it is; nothing where no model tells one."""
    if not prediction.page_type:
        return ""
    return f"{prediction.page_type} {escape(percent(prediction.page_type_probability))}"


def _note(page: ReportPage) -> str:
    """Return why nothing is kept of a page, or nothing."""
    prediction = page.prediction
    if not prediction.page.lines:
        return "The page has no lines."
    if prediction.keep.any():
        return ""
    if not prediction.is_wanted:
        return (
            f"Nothing is kept: the page is taken for a {prediction.page_type}, "
            "and text of such pages is not asked for (--page-types)."
        )
    if not prediction.has_content:
        return "Nothing is kept: it is taken for a page without an article."
    shown, needed = _compared(float(prediction.probabilities.max()), prediction.threshold)
    return f"Nothing is kept: the surest line has {shown}, and {needed} is enough."


def _line(page: ReportPage, k: int, anchor: str) -> str:
    prediction = page.prediction
    source = prediction.page
    label = LABELS[prediction.codes[k]]
    probability = float(prediction.probabilities[k])
    language = f' lang="{escape(_plain(source.language))}"' if source.language else ""
    return (
        f'<li class="{label}" id="{anchor}" tabindex="-1" aria-describedby="{anchor}-why">'
        f'<a href="#{anchor}" tabindex="-1">{source.numbers[k]}</a>'
        f'<span class="t" dir="auto"{language}>{_text(source.lines[k], _LONGEST)}</span>'
        f'<span class="l">{label}</span>'
        f'<span class="p p{round(probability * _STEPS)}">{escape(percent(probability))}</span>'
        f'<div class="why" id="{anchor}-why">{_why(page, k)}</div></li>\n'
    )


def _why(page: ReportPage, k: int) -> str:
    reasons = page.reasons[k]
    label = LABELS[page.prediction.codes[k]]
    told = {
        "Speaks for the article": [*_words(reasons.words_for), *_said(reasons, FOR)],
        "Speaks against it": [*_words(reasons.words_against), *_said(reasons, AGAINST)],
        f"Speaks for “{label}”": _words(reasons.words_of_kind),
        "Also seen": _said(reasons, NEITHER),
    }
    groups = "".join(
        f"<dt>{title}</dt>{''.join(f'<dd>{one}</dd>' for one in said)}"
        for title, said in told.items()
        if said
    )
    return f"<p>{_verdict(page, k)}</p><dl>{groups}</dl>"


def _verdict(page: ReportPage, k: int) -> str:
    label = LABELS[page.prediction.codes[k]]
    probability = float(page.prediction.probabilities[k])
    shown, enough = map(escape, _compared(probability, page.prediction.threshold))
    if page.prediction.keep[k]:
        if label != LABELS[CONTENT]:
            return f"<b>Kept as a card of a {page.prediction.page_type}.</b>"
        return f"<b>Kept.</b> {shown}; {enough} is enough."
    if not page.prediction.is_wanted:
        return f"<b>Left out with the whole page,</b> a {page.prediction.page_type}. {shown}."
    if probability < page.prediction.threshold:
        return f"<b>Left out as {label}.</b> {shown}; {enough} would be enough."
    return f"<b>Left out with the whole page,</b> taken for one without an article. {shown}."


def _compared(probability: float, threshold: float) -> tuple[str, str]:
    """Return both as percentages; two that differ never look the same."""
    if percent(probability) != percent(threshold) or probability == threshold:
        return percent(probability), percent(threshold)
    return f"{100 * probability:.3f} %", f"{100 * threshold:.3f} %"


def _said(reasons: LineReasons, side: str) -> list[str]:
    return [_text(reason.says) for reason in reasons.reasons if reason.side == side]


def _words(words: Iterable[str]) -> list[str]:
    quoted = ", ".join(f"<q><bdi>{_text(word, _LONGEST_WORD)}</bdi></q>" for word in words)
    return [f"Words: {quoted}"] if quoted else []


# ------------------------------------------------------------------------------- text


def _text(text: str, longest: int | None = None) -> str:
    """Return a text as HTML that shows it; what steers instead of showing stands as a name."""
    shown = "".join(
        f'<span class="code">{piece}</span>' if steers else escape(piece)
        for piece, steers in visible(text[:longest])
    )
    if longest is None or len(text) <= longest:
        return shown
    if longest <= _LONGEST_WORD:
        return f"{shown}…"
    return f'{shown}… <span class="cut">{len(text) - longest:,} more characters</span>'


def _plain(text: str) -> str:
    """Return a text for places where no elements can stand."""
    return "".join(f"[{piece}]" if steers else piece for piece, steers in visible(text))
