"""From labelled pages to a fitted model and its scores on pages it has not seen."""
