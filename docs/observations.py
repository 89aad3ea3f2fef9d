"""Count what how-it-works.md says of pages, on the labelled corpora.

Run from the root of the repository, after `make corpora`: python docs/observations.py
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from linesift.labelling.labels import CONTENT, LABELS, UNSURE, LabelArray
from linesift.models.features import LINE_FEATURES, line_features
from linesift.reading.page import Batch, Page
from linesift.reading.text import words
from linesift.training.train import load_data

ENDS_SENTENCE = LINE_FEATURES.index("ends_sentence")
FEW = 6  # words


def main() -> None:
    """Print the share of lines of each label of which an observation holds."""
    found: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    data = load_data(pages=None, lines="data/lines", labels="data/labels").train
    for page, labels in zip(data.pages, data.labels, strict=True):
        for observation, code, holds in observed(page, labels):
            found[observation][LABELS[code]].append(holds)
    print(f"{len(data)} pages of {len(set(data.sites))} sites, in % of the lines of each label")
    print("\t".join(["", *LABELS]))
    for observation, of_label in found.items():
        shares = [f"{100 * np.mean(of_label[label]):.0f}" for label in LABELS]
        print("\t".join([observation, *shares]))


def observed(page: Page, labels: LabelArray) -> Iterator[tuple[str, int, bool]]:
    """Yield observation, label and whether it holds, for each line whose label is known."""
    sentences = line_features(Batch.from_pages([page]))[:, ENDS_SENTENCE] > 0
    is_content = np.concatenate([[False], labels == CONTENT, [False]])
    beside = is_content[:-2] | is_content[2:]
    tokens = [words(line) for line in page.lines]
    # Short words stand everywhere.
    telling = [{word for word in line if len(word) > 3} for line in tokens]
    content_words = Counter(
        word for one, code in zip(telling, labels, strict=True) if code == CONTENT for word in one
    )
    paths = page.markup.paths if page.markup else ()
    body = Counter(
        path for path, code in zip(paths, labels, strict=bool(paths)) if code == CONTENT
    ).most_common(1)
    for k, code in enumerate(labels.tolist()):
        if code == UNSURE:
            continue
        yield "under six words", code, len(tokens[k]) < FEW
        yield "ends like a sentence", code, bool(sentences[k])
        yield "a line of the article above or below", code, bool(beside[k])
        if telling[k]:
            own = code == CONTENT
            shared = np.mean([content_words[word] > own for word in telling[k]])
            yield "half of its longer words in other lines of the article", code, shared >= 0.5
        if page.markup is not None:
            yield "mostly link", code, page.markup.link_share[k] > 0.5
            if body:
                yield "same tag path as most of the article", code, paths[k] == body[0][0]


if __name__ == "__main__":
    main()
