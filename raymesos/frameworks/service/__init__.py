"""The service framework: instances that always run, heal, roll, scale, and are moved only as their budgets allow."""
