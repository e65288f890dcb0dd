"""The smallest framework that does real work: what a scheduler of one's own looks like."""
