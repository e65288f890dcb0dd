"""The allocator's state. The books are a copy of what the master knows: a reset throws them away and the master tells them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from raymesos.errors import InvalidValue
from raymesos.kernel.allocator.dice import Dice
from raymesos.kernel.allocator.filters import Filters
from raymesos.kernel.allocator.holds import Holds
from raymesos.kernel.allocator.inverse import Inverse
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.pool import Pool
from raymesos.kernel.allocator.roster import Roster
from raymesos.kernel.allocator.shares import DrfSorter, RandomSorter
from raymesos.kernel.allocator.sorter import Sorter
from raymesos.model.settings import AllocatorSettings


@dataclass(slots=True)
class State:
    settings: AllocatorSettings
    dice: Dice
    ledger: Ledger
    roster: Roster
    filters: Filters
    holds: Holds
    epoch: int | None = None
    """Of the last reset; None before the first, and while the master cannot hear us: then messages are ignored and passes do nothing."""
    paused: bool = False
    candidates: dict[str, None] = field(default_factory=dict)
    """Agents that the next triggered pass looks at."""
    all_agents: bool = False
    """Whether it looks at all of them."""
    asked: bool = False
    """Whether it is on its way."""
    entitled: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The share that each role is entitled to."""
    entitled_as_of: tuple[int, int] = (-1, 0)
    """As of how many wishes (see Roster), and when that was looked at."""
    inverse: Inverse = field(default_factory=dict)
    released: int = 0
    """The highest number of a release that was heard of."""
    started_ms: int = 0
    runs: int = 0


def new_state(settings: AllocatorSettings, seed: int) -> State:
    dice = Dice(seed)
    return State(settings, dice, *_books(settings, dice))


def forget_all(state: State) -> None:
    """The books are empty. Chance goes on where it was."""
    state.ledger, state.roster, state.filters, state.holds = _books(state.settings, state.dice)
    state.inverse = {}
    state.released = 0
    state.candidates = {}
    state.all_agents = False


def _books(settings: AllocatorSettings, dice: Dice) -> tuple[Ledger, Roster, Filters, Holds]:
    pool = Pool(settings.fairness_excluded)
    order = _sorter("role_sorter", settings.role_sorter, pool, dice)
    roster = Roster(pool, order(), _sorter("framework_sorter", settings.framework_sorter, pool, dice))
    ledger = Ledger(roster, settings.min_allocatable, settings.home_region)
    filters = Filters(interval_ms=settings.allocation_interval_ms, most=settings.filters_per_agent)
    return ledger, roster, filters, Holds(settings)


def _sorter(field_name: str, kind: str, pool: Pool, dice: Dice) -> Callable[[], Sorter]:
    match kind:
        case "drf":
            return lambda: DrfSorter(pool)
        case "random":
            return lambda: RandomSorter(pool, dice)
        case _:
            raise InvalidValue(field_name, kind, "must be drf or random")
