"""`python -m raymesos.sim`: a generated cluster in the simulator."""

from __future__ import annotations

import sys

from raymesos.sim.command import main

if __name__ == "__main__":
    sys.exit(main())
