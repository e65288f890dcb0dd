"""The gateway's control plane: what HAProxy should have, what it has, and what is said to it. Pure; `actors/gateway.py` is the shell."""
