"""`/metrics`: what the views know, and how the server itself does, in Prometheus' text."""
