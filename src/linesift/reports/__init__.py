"""Why a line is judged as it is, on a page that people look at."""
