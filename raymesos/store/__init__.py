"""Where records are kept: one interface, a file back end, and a disk of memory for the simulator."""
