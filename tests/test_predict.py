import os
import subprocess
import sys

import numpy as np
import pytest

from linesift.models.predict import predict_pages
from linesift.reading.page import Page
from tests.made_pages import fitted, made_pages

EMPTY = Page("empty", (), ())
PAGES = [EMPTY, *made_pages(range(8)).pages, EMPTY, *made_pages(range(3)).pages]


@pytest.mark.parametrize("batch_lines", [1, 30, 50, 10_000])
def test_pages_come_in_the_order_given_and_batches_change_nothing(batch_lines):
    alone = [fitted().predict_lines([page])[0] for page in PAGES]
    found = list(predict_pages(fitted(), iter(PAGES), batch_lines=batch_lines))
    assert [one.page for one in found] == PAGES
    for one, expected in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one.probabilities, expected.probabilities)
        np.testing.assert_array_equal(one.codes, expected.codes)


DIGEST = """
import hashlib, sys
import linesift
from tests.made_pages import made_pages
model, pages, digest = linesift.load_model(), made_pages(range(12)).pages, hashlib.sha256()
size = int(sys.argv[1])
for first in range(0, len(pages), size):
    for probabilities in model.predict_proba(pages[first : first + size]):
        digest.update(probabilities.tobytes())
print(digest.hexdigest())
"""


def test_threads_and_batches_change_no_bit_of_what_the_shipped_model_says():
    found = set()
    for threads, size in (("1", "1"), ("2", "5"), ("2", "100")):
        told = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        run = [sys.executable, "-c", DIGEST, size]
        done = subprocess.run(run, env=told, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1, found


def test_pages_are_read_no_further_than_the_next_batch_needs():
    read = []

    def pages():
        for page in PAGES[1:9]:
            read.append(page)
            yield page

    size = len(PAGES[1].lines) + len(PAGES[2].lines)
    results = predict_pages(fitted(), pages(), batch_lines=size)
    assert read == []
    next(results)
    assert len(read) == 2


@pytest.mark.parametrize(("threshold", "kept"), [(0.0, True), (1.0, False)])
def test_the_threshold_given_decides_what_is_kept(threshold, kept):
    for one in predict_pages(fitted(), PAGES, threshold=threshold):
        assert (one.keep == kept).all()


def test_no_pages_give_nothing():
    assert list(predict_pages(fitted(), [])) == []
