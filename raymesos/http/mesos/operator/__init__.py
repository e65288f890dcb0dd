"""The operator's side of Mesos' API: the v1 calls, the endpoints from before it, and the stream of events. All of it reads views; writes go to the master as messages."""
