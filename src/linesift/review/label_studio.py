"""Label files as Label Studio's JSON, there and back.

A page is a task: its lines are the paragraphs of a `Paragraphs` tag, and a label is a
region over one line or over several. `docs/label-studio.xml` is the configuration to
paste into a project. Only lines that a person has labelled become annotations; what a
model says goes into predictions, with its scores.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from linesift.labelling.labels import (
    PAGE_TYPES,
    UNSURE,
    LabelArray,
    LabelError,
    LabelFile,
    label_code,
    label_name,
)
from linesift.models.features import Floats
from linesift.reading.page import Page

_FROM, _TO, _TYPE = "label", "lines", "paragraphlabels"


@dataclass(frozen=True)
class Imported:
    """The labels of one task.

    Parameters
    ----------
    file : LabelFile
        Lines that its annotation leaves out are not by hand.
    annotators : int
        How many annotations were complete; the labels are those of one of them.
    disagreed : int
        On how many lines another one says otherwise.
    """

    file: LabelFile
    annotators: int
    disagreed: int


def to_task(
    file: LabelFile, prediction: tuple[LabelArray, Floats] | None = None, *, version: str = ""
) -> dict[str, Any]:
    r"""Return a page and its labels as a task.

    Parameters
    ----------
    file : LabelFile
    prediction : (ndarray of shape (n_lines,), ndarray of shape (n_lines,)), optional
        Label of each line and its probability.
    version : str
        Name of the model that predicts.

    Examples
    --------
    >>> from linesift.labelling.labels import parse_label_file
    >>> task = to_task(parse_label_file(b"content\tIt rained.\nother?\tShare\n", "rain.tsv"))
    >>> task["data"]["lines"]
    [{'number': '1', 'text': 'It rained.'}, {'number': '2', 'text': 'Share'}]
    >>> [region["value"]["paragraphlabels"] for region in task["annotations"][0]["result"]]
    [['content']]
    """
    page = file.page
    lines = [
        {"number": str(number), "text": line}
        for number, line in zip(page.numbers, page.lines, strict=True)
    ]
    named = {"page": page.page_id, "site": page.site, "language": page.language}
    named["type"] = file.page_type
    task: dict[str, Any] = {
        "data": {**named, "remarks": list(file.remarks), "lines": lines},
        "annotations": [],
    }
    by_hand = np.flatnonzero(file.by_hand)
    if len(by_hand):
        result = [_region(page, int(i), int(file.labels[i])) for i in by_hand]
        task["annotations"].append({"result": result})
    if prediction is not None:
        labels, scores = prediction
        result = [
            {**_region(page, i, int(label)), "score": round(float(score), 4)}
            for i, (label, score) in enumerate(zip(labels, scores, strict=True))
        ]
        mean = round(float(np.mean(scores)), 4) if len(scores) else 0.0
        task["predictions"] = [{"model_version": version, "score": mean, "result": result}]
    return task


def _region(page: Page, i: int, code: int) -> dict[str, Any]:
    line = page.lines[i]
    # Label Studio counts as browsers do: a character beyond the basic plane is two.
    length = len(line.encode("utf-16-le", "surrogatepass")) // 2
    value = {"start": str(i), "end": str(i), "startOffset": 0, "endOffset": length}
    return {
        "id": f"line-{page.numbers[i]}",
        "from_name": _FROM,
        "to_name": _TO,
        "type": _TYPE,
        "value": {**value, "text": line, _TYPE: [label_name(code)]},
    }


def read_tasks(data: bytes, where: str) -> list[Imported]:
    """Return the labels of an export of Label Studio, a page each.

    Of several complete annotations of a task the one marked as ground truth counts, else
    the one that was changed last. Cancelled ones do not count; a task without any is left
    out.

    Raises
    ------
    LabelError
        It is not such an export, or labels a line in two ways; the message names the
        task. Nothing is returned then.
    """
    try:
        tasks = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise LabelError(f"{where}: not JSON ({error}); export as JSON") from error
    if not isinstance(tasks, list):
        raise LabelError(f"{where}: expected a list of tasks, as Label Studio's JSON export is")
    found = [_read_task(task, f"{where}: task {i}") for i, task in enumerate(tasks, start=1)]
    read = [one for one in found if one is not None]
    seen: set[str] = set()
    for one in read:
        if one.file.page.page_id in seen:
            raise LabelError(f"{where}: the page {one.file.page.page_id!r} is there twice")
        seen.add(one.file.page.page_id)
    return read


def _read_task(task: Any, where: str) -> Imported | None:
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        raise LabelError(f"{where}: without 'data'; export as JSON, not as JSON-MIN or CSV")
    page, remarks, page_type = _read_page(task["data"], where)
    annotations = task.get("annotations")
    if not isinstance(annotations, list):
        raise LabelError(f"{where}: without a list of 'annotations'; export as JSON, not JSON-MIN")
    complete = []
    for one in annotations:
        if not isinstance(one, dict) or not isinstance(one.get("result"), list):
            raise LabelError(f"{where}: an annotation without a list of results")
        if not one.get("was_cancelled"):
            complete.append(one)
    if not complete:
        return None
    complete.sort(key=_rank)
    *others, chosen = [_read_result(one["result"], page, where) for one in complete]
    disagreed = sum(
        any(i in other and other[i] != code for other in others) for i, code in chosen.items()
    )
    labels = np.full(len(page.lines), UNSURE, np.int8)
    by_hand = np.zeros(len(page.lines), bool)
    for i, code in chosen.items():
        labels[i], by_hand[i] = code, True
    return Imported(LabelFile(page, labels, by_hand, remarks, page_type), len(complete), disagreed)


def _rank(annotation: Mapping[str, Any]) -> tuple[bool, str]:
    changed = annotation.get("updated_at") or annotation.get("created_at") or ""
    return bool(annotation.get("ground_truth")), str(changed)


def _read_page(data: Mapping[str, Any], where: str) -> tuple[Page, tuple[str, ...], str]:
    """Return the page of a task, the remarks of its label file, and its page type."""
    name, rows = data.get("page"), data.get("lines")
    if not isinstance(name, str) or not name.strip() or not isinstance(rows, list):
        raise LabelError(
            f"{where}: its data has no 'page' with 'lines'; was it made by "
            "'linesift labels export'?"
        )
    lines, numbers = [], []
    for i, row in enumerate(rows, start=1):
        text = row.get("text") if isinstance(row, dict) else None
        number = str(row.get("number", "")) if isinstance(row, dict) else ""
        if not isinstance(text, str) or not text.strip() or set(text) & set("\r\n"):
            raise LabelError(f"{where}: line {i} has no text, or more than one line of it")
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise LabelError(f"{where}: line {i} has no number")
        lines.append(_encodable(text.strip()))
        numbers.append(int(number))
    if any(low >= high for low, high in zip([0, *numbers], numbers, strict=False)):
        raise LabelError(f"{where}: the numbers of its lines do not rise")
    known = [data.get(key) for key in ("site", "language")]
    site, language = (_encodable(one) if isinstance(one, str) else "" for one in known)
    remarks = tuple(
        " ".join(_encodable(one).split())
        for one in data.get("remarks") or ()
        if isinstance(one, str) and one.startswith("#")
    )
    page_type = data.get("type") or ""
    if page_type and page_type not in PAGE_TYPES:
        raise LabelError(
            f"{where}: type: expected one of {', '.join(PAGE_TYPES)}; got {str(page_type)[:40]!r}"
        )
    page = Page(_encodable(name), tuple(lines), tuple(numbers), site, language)
    return page, remarks, page_type


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _read_result(result: Sequence[Any], page: Page, where: str) -> dict[int, int]:
    """Return the label of each line, by its position, that the regions cover."""
    labels: dict[int, int] = {}
    for first, last, name in _spans(result, where):
        code = label_code(name, f"{where} ({page.page_id})")
        if not 0 <= first <= last < len(page.lines):
            raise LabelError(f"{where}: a region from line {first} to {last} of {len(page.lines)}")
        for i in range(first, last + 1):
            if labels.setdefault(i, code) != code:
                both = f"{label_name(labels[i])} and {name}"
                raise LabelError(
                    f"{where}: line {page.numbers[i]} of {page.page_id} is labelled {both}; "
                    "a line has one label"
                )
    return labels


def _spans(result: Sequence[Any], where: str) -> Iterator[tuple[int, int, str]]:
    """Yield first line, last line and label of each region; other results are passed over."""
    for region in result:
        if not isinstance(region, dict) or region.get("type") != _TYPE:
            continue
        try:
            value = region["value"]
            (name,) = value[_TYPE]
            first, last = int(value["start"]), int(value["end"])
            if last > first and value.get("endOffset") == 0:
                last -= 1  # dragged to the very start of the next line
        except (KeyError, TypeError, ValueError) as error:
            raise LabelError(
                f"{where}: a region must have one label, a start and an end"
            ) from error
        yield first, last, str(name)
