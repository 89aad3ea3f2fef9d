"""Whether a model may take the place of the champion: a gate, then a paired comparison.

The gate is the floor that changes of the code are held against too. Beyond it a candidate
has to be better than the champion by more than chance: on the same pages, resampled by
site, for pages as text or with markup, and worse in neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linesift.scoring.evaluate import Report, check_floor
from linesift.scoring.metrics import Estimate, differences, signed

DECIDING = "line_f1"
"""The score by which a candidate has to be better."""

SCORES = (DECIDING, "character_f1", "text_f1", "short_content_recall", "related_kept")
"""What a table of the differences shows."""

_READS = {"text": "text only", "markup": "markup"}


@dataclass(frozen=True)
class Verdict:
    """What became of a candidate.

    Parameters
    ----------
    promoted : bool
    reason : str
        In words, what decided.
    short : list of str
        Where it falls below the floor, a sentence each.
    higher : dict of str to dict of str to Estimate
        By form and score, how much higher the candidate is than the champion; empty
        without a champion.
    """

    promoted: bool
    reason: str
    short: list[str]
    higher: dict[str, dict[str, Estimate]]


def judge(candidate: Report, champion: Report | None, floor: Mapping[str, Any]) -> Verdict:
    """Decide whether a candidate may become the champion.

    Parameters
    ----------
    candidate : Report
    champion : Report or None
        On the same pages; None if there is no champion yet.
    floor : mapping
        As in `check_floor`.

    Raises
    ------
    ValueError
        The reports are of other pages.
    """
    higher = _higher(candidate, champion) if champion is not None else {}
    short = check_floor(candidate, floor)
    if short:
        scores = "1 score falls" if len(short) == 1 else f"{len(short)} scores fall"
        return Verdict(False, f"{scores} short of the floor", short, higher)
    if champion is None:
        return Verdict(True, "it holds the floor, and there is no champion yet", [], {})
    deciding = {_READS[form]: scores[DECIDING] for form, scores in higher.items()}
    better = [reads for reads, by in deciding.items() if by.low > 0]
    worse = [reads for reads, by in deciding.items() if by.high < 0]
    shown = "; ".join(f"{reads} {signed(by)}" for reads, by in deciding.items())
    if worse:
        return Verdict(False, f"line F1 is lower on {' and '.join(worse)} ({shown})", [], higher)
    if not better:
        reason = f"line F1 is not higher than the champion's by more than chance ({shown})"
        return Verdict(False, reason, [], higher)
    return Verdict(True, f"line F1 is higher on {' and '.join(better)} ({shown})", [], higher)


def _higher(candidate: Report, champion: Report) -> dict[str, dict[str, Estimate]]:
    if candidate.digest != champion.digest:
        raise ValueError("candidate and champion were scored on other pages")
    return {
        form: differences(result.scores, champion.forms[form].scores)
        for form, result in candidate.forms.items()
    }
