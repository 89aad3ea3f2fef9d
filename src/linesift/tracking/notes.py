"""A run in words: what was trained on what, how well, and what is unusual about it.

A row of numbers does not say whether two pages or two thousand stand behind it. These
notes do; they are the description of a run wherever runs are compared.
"""

from collections.abc import Iterator, Sequence

from linesift.labelling.labels import LABELS, LabelledPages
from linesift.scoring.evaluate import Form
from linesift.scoring.metrics import differences
from linesift.training.train import Training

_FEW_PAGES = 30  # a score on fewer says little
_POOR = 0.5  # F1 of a label under which it is as good as unknown
_READS = {"text": "text only", "markup": "markup"}


def notes(training: Training, *, question: str, changed: Sequence[str], commit: str) -> str:
    """Return the description of a run, in Markdown.

    Parameters
    ----------
    training : Training
    question : str
        What the run was made for.
    changed : sequence of str
        Settings that differ from the default ones, as `name=value`.
    commit : str
        Of the code; ends with `-dirty` if files differ from it.
    """
    train = training.data.train
    corpora = ", ".join(f"{name} {train.corpus.count(name)}" for name in sorted(set(train.corpus)))
    settings = f"`{' '.join(changed)}`" if changed else "the default settings"
    first = next(iter(training.report.forms.values()))
    unusual = [f"- {sentence}" for sentence in _unusual(training, commit)]
    return "\n\n".join(
        [
            question,
            f"Trained on {_count(train)} ({corpora}), with {settings}.",
            f"Scored on {_count(first.labelled)}: {training.held_out}. {_scores(training)}",
            "\n".join(["Unusual:", "", *unusual]) if unusual else "Nothing unusual.",
        ]
    )


def _count(labelled: LabelledPages) -> str:
    def counted(number: int, what: str) -> str:
        return f"{number:,} {what}{'' if number == 1 else 's'}"

    pages = counted(len(labelled), "page")
    if not any(page.site for page in labelled.pages):
        return f"{pages} of unknown site"
    return f"{pages} of {counted(len(set(labelled.sites)), 'site')}"


def _scores(training: Training) -> str:
    """Return line F1 of each form in a sentence, and that of the baseline."""
    parts = [
        f"{form.groups['all']['line_f1']} on {_READS[name]}"
        for name, form in training.report.forms.items()
    ]
    below = training.baseline.forms["text"].groups["all"]["line_f1"]
    return f"Line F1 {', '.join(parts)}; {_baseline(training)} has {below}."


def _baseline(training: Training) -> str:
    if training.is_built_on_another:
        return "the model that it is built on, as text,"
    return "the untuned run rule"


def _unusual(training: Training, commit: str) -> Iterator[str]:
    forms = training.report.forms
    scored = len(next(iter(forms.values())).labelled)
    if scored < _FEW_PAGES:
        yield f"only {scored} pages were scored: too few to tell runs apart"
    ahead = differences(forms["text"].scores, training.baseline.forms["text"].scores)["line_f1"]
    if ahead.low <= 0:
        yield f"on text not ahead of {_baseline(training)} beyond chance: by {ahead}"
    if "markup" in forms:
        text, markup = (forms[name].groups["all"]["line_f1"] for name in ("text", "markup"))
        if markup.value < text.value:
            yield "lower with markup than without"
    for name, form in forms.items():
        yield from _weak_spots(name, form)
    if commit.endswith("-dirty"):
        yield "the code had changes that are in no commit"


def _weak_spots(name: str, form: Form) -> Iterator[str]:
    """Yield the languages that lag behind all pages, and the labels that are not found."""
    reads, overall = _READS[name], form.groups["all"]
    for group, scores in form.groups.items():
        kind, _, language = group.partition(":")
        if kind == "language" and scores["line_f1"].high < overall["line_f1"].low:
            yield f"{language} lags on {reads}: line F1 {scores['line_f1']}"
    for label in LABELS:
        f1 = overall[f"f1_{label}"]
        if f1.value < _POOR:
            yield f"`{label}` is hardly found on {reads}: F1 {f1}"
