"""`python -m linesift` is the command `linesift`, also where its script is not on the path."""

from linesift.cli import main

if __name__ == "__main__":
    main()
