"""Whatever breaks between them, a task's updates reach the master in order, none is lost, and each task ends once."""

from __future__ import annotations

from typing import Any

from agent_world import AGENT, FRAMEWORKS, World
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from raymesos.machine import MASTER


class Trouble(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    def _pick(self, data: Any, choices: list[Any]) -> Any:
        return data.draw(st.sampled_from(choices))

    @rule(framework_id=st.sampled_from(FRAMEWORKS), count=st.integers(1, 3))
    def launch(self, framework_id: str, count: int) -> None:
        for _ in range(count):
            self.world.launch(framework_id)

    @precondition(lambda self: self.world.master.states)
    @rule(data=st.data())
    def kill(self, data: Any) -> None:
        self.world.kill(*self._pick(data, list(self.world.master.states)))

    @rule(over=st.booleans())
    def drain(self, over: bool) -> None:
        self.world.drain(over=over)

    @precondition(lambda self: any(self.world.flight.values()))
    @rule(data=st.data(), count=st.integers(0, 3), lose=st.booleans())
    def one_link_moves(self, data: Any, count: int, lose: bool) -> None:
        pair = self._pick(data, sorted(p for p, q in self.world.flight.items() if q))
        self.world.deliver(*pair, lose=lose)
        for _ in range(count):
            if self.world.flight.get(pair):
                self.world.deliver(*pair)

    @precondition(lambda self: any(self.world.flight.values()))
    @rule()
    def all_links_move(self) -> None:
        self.world.deliver_all()

    @precondition(lambda self: self.world.to_start)
    @rule()
    def executors_come_up(self) -> None:
        for executor_id in list(self.world.to_start):
            self.world.start_executor(executor_id)

    @precondition(lambda self: any(self.world.works.values()))
    @rule(data=st.data(), count=st.integers(1, 3), end=st.booleans())
    def works_go_on(self, data: Any, count: int, end: bool) -> None:
        for _ in range(count):
            works = [(s, t) for s, tasks in self.world.works.items() for t in tasks]
            if works:
                shim, task_id = self._pick(data, works)
                if end:
                    self.world.end_work(shim, task_id)
                else:
                    self.world.start_work(shim, task_id)

    @precondition(lambda self: self.world.begun)
    @rule()
    def agent_dies(self) -> None:
        self.world.crash_agent()

    @precondition(lambda self: self.world.begun and self.world.executors())
    @rule(data=st.data(), lasting=st.booleans())
    def trouble_with_executor(self, data: Any, lasting: bool) -> None:
        """It dies, or its link breaks."""
        address = self._pick(data, self.world.executors())
        if lasting:
            machine = self.world.machines[address]
            self.world.end_executor(machine.state.executor_id, machine.state.framework_id)
        else:
            self.world.break_link(AGENT, address)

    @precondition(lambda self: self.world.begun)
    @rule()
    def master_link_breaks(self) -> None:
        self.world.break_link(AGENT, MASTER)

    @precondition(lambda self: self.world.cut)
    @rule()
    def links_mend(self) -> None:
        for pair in sorted(sorted(p) for p in self.world.cut):
            self.world.mend_link(*pair)

    @rule(ms=st.sampled_from([1, 500, 2_000, 30_000]))
    def time_passes(self, ms: int) -> None:
        """Messages are quicker than any wait, but those to and from the master."""
        self.world.deliver_all(but=MASTER)
        self.world.advance(ms)

    def teardown(self) -> None:
        self.world.settle()
        self.world.check_end()


Trouble.TestCase.settings = settings(
    max_examples=200, stateful_step_count=80, deadline=None, report_multiple_bugs=False
)
TestTrouble = Trouble.TestCase
