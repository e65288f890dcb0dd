"""A small shop: an HTTP API over a SQLite file, made to be run as a service of several instances that share the file."""
