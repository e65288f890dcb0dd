"""The simulator: the kernel's own machines under a virtual clock. `Simulation` is the scripted harness."""

from __future__ import annotations

from raymesos.sim.harness import Simulation

__all__ = ["Simulation"]
