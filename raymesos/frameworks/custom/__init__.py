"""The framework machine behind the scheduler SDK: it decides nothing, it tells its scheduler and passes on what the scheduler calls."""
