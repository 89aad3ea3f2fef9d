"""Scores with intervals: of linesift, of other extractors, of the seconds they take."""
