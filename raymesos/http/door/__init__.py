"""The cluster's door over HTTP: what a client without Ray calls, and what the server does with it."""
