"""A page in the browser on which people correct the labels of lines.

`session` knows the pages, their order and what was saved; `server` shows them to one
machine alone, and is the only module that imports flask; `static` is what the browser
gets.
"""
