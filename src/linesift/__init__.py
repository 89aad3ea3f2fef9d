"""Tell which lines of a web page are the article and which are noise."""

from linesift.readers import read_html, read_text

__all__ = ["read_html", "read_text"]
