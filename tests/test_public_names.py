"""What `import linesift` offers: names and version."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import linesift


def test_the_version_is_that_of_the_package():
    assert linesift.__version__ == version("linesift")


def test_what_is_offered_is_what_is_public_and_can_be_had():
    offered = [name for name in dir(linesift) if not name.startswith("__")]
    assert offered == sorted(linesift.__all__)
    assert "__version__" in dir(linesift)
    assert all(hasattr(linesift, name) for name in dir(linesift))


def test_names_and_version_are_told_without_importing_what_is_slow():
    code = (
        "import sys, linesift; dir(linesift), linesift.__version__;"
        "sys.exit(', '.join({'linesift.models.model', 'sklearn'} & {*sys.modules}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'linesift' has no attribute 'nothing'"):
        _ = linesift.nothing
