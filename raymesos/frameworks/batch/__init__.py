"""The batch framework: jobs of many inputs or commands, packed into tasks, each result delivered exactly once."""
