"""A text corpus that is on every machine: the source files of the installed Python's own standard library."""
