"""Read tracked runs back: what each changed, how it scored, and how two of them differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from linesift.scoring.metrics import LOSSES, Estimate
from linesift.tracking.tracker import CHANGED, SCORED_ON, TRAINED_ON, bounds_of, connect, is_bound

_MOST_RUNS = 1000  # that a search looks through


class RunError(ValueError):
    """There is no such run or experiment; the message says which there are."""


@dataclass(frozen=True)
class Run:
    """A tracked run.

    Parameters
    ----------
    run_id, name : str
    started : datetime
        In local time.
    status : str
        As MLflow has it, such as `FINISHED`.
    changed : str
        Settings that differ from the default ones.
    settings : mapping of str to str
    scores : mapping of str to float
        Metrics by name, the bounds of intervals among them.
    scored_on : str
        Digest of the pages that the scores are of; empty if that was not kept.
    """

    run_id: str
    name: str
    started: datetime
    status: str
    changed: str
    settings: Mapping[str, str]
    scores: Mapping[str, float]
    scored_on: str = ""

    @property
    def trained_on(self) -> str:
        """How many pages it learned from; empty if that was not kept."""
        return self.settings.get(TRAINED_ON, "")

    def score(self, metric: str) -> Estimate | None:
        """Return a score with its interval; None if the run lacks the score or its interval."""
        names = (metric, *bounds_of(metric))
        if not all(name in self.scores for name in names):
            return None
        return Estimate(*(self.scores[name] for name in names))

    def shown(self, metric: str) -> str:
        """Return a score as people read it, empty if the run lacks it."""
        if metric not in self.scores:
            return ""
        return str(self.score(metric) or f"{self.scores[metric]:g}")


def tracked_runs(
    uri: str, experiment: str, *, sort: str = "text/line_f1", most: int | None = None
) -> list[Run]:
    """Return the runs of an experiment, best first; those that lack the score come last.

    Parameters
    ----------
    uri : str
        Tracking server or database.
    experiment : str
    sort : str
        Metric that decides; of errors the fewest are the best.
    most : int, optional
        Return so many at most.

    Raises
    ------
    RunError
        No such store, experiment or metric.
    """
    from mlflow import MlflowException

    try:
        runs = _search(connect(uri), uri, experiment)
    except MlflowException as error:
        reason = str(error).partition(" failed with")[0]
        raise RunError(f"{uri}: cannot be read ({reason}); is it running?") from error
    scored = [run for run in runs if sort in run.scores]
    names = sorted({name for run in runs for name in run.scores if not is_bound(name)})
    if names and not scored:
        raise RunError(f"no run has a score {sort!r}; there are: {', '.join(names)}")
    sign = 1 if sort.rpartition("/")[2] in LOSSES else -1
    scored.sort(key=lambda run: sign * run.scores[sort])
    return [*scored, *(run for run in runs if sort not in run.scores)][:most]


def _search(client: Any, uri: str, experiment: str) -> list[Run]:
    found = client.get_experiment_by_name(experiment)
    if found is None:
        there = ", ".join(sorted(one.name for one in client.search_experiments()))
        raise RunError(f"no experiment {experiment!r} in {uri}; there are: {there}")
    return [_read(run) for run in client.search_runs([found.experiment_id], max_results=_MOST_RUNS)]


def _read(run: Any) -> Run:
    return Run(
        run.info.run_id,
        run.info.run_name,
        datetime.fromtimestamp(run.info.start_time / 1000),
        run.info.status,
        run.data.tags.get(CHANGED, ""),
        run.data.params,
        run.data.metrics,
        run.data.tags.get(SCORED_ON, ""),
    )


def pick(runs: list[Run], name: str) -> Run:
    """Return the run of an id, of the beginning of one, or the newest one of a name.

    Raises
    ------
    RunError
        None is meant, or the beginning is that of several ids.
    """
    named = [run for run in runs if run.name == name]
    if named:
        return max(named, key=lambda run: run.started)
    found = [run for run in runs if run.run_id.startswith(name)]
    if not found:
        raise RunError(f"no run {name!r}; 'linesift runs' lists those there are")
    if len(found) > 1:
        raise RunError(f"{name!r} begins the ids of {len(found)} runs; give more of it")
    return found[0]


def sets_of_pages(runs: Iterable[Run]) -> int:
    """Return on how many different sets of pages runs were scored, as far as is known."""
    return len({run.scored_on for run in runs if run.scored_on})


def shared_scores(first: Run, second: Run) -> list[str]:
    """Return the names of the scores that both runs have, without bounds of intervals."""
    both = [name for name in first.scores if name in second.scores]
    return [name for name in both if not is_bound(name)]


def changed_settings(first: Run, second: Run) -> dict[str, tuple[str, str]]:
    """Return the settings in which two runs differ, by name; empty where one has none."""
    names = sorted({*first.settings, *second.settings})
    pairs = {name: (first.settings.get(name, ""), second.settings.get(name, "")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
