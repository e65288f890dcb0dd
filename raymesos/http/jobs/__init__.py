"""The jobs API: `/api/v3/jobs` and `/api/v3/tasks` in Titus' shapes."""
