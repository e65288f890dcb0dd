"""The user-process side of an agent: a small program that owns every process running users' code. It imports nothing else of raymesos."""
