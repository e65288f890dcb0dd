"""What an operator does with a running cluster: quotas, weights, reservations, volumes, agents, maintenance. `raymesos.client.Cluster` has these as its attributes."""
