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

    @rule(framework_id=st.sampled_from(FRAMEWORKS))
    def launch(self, framework_id: str) -> None:
        self.world.launch(framework_id)

    @precondition(lambda self: self.world.master.states)
    @rule(data=st.data())
    def kill(self, data: Any) -> None:
        self.world.kill(*self._pick(data, list(self.world.master.states)))

    @precondition(lambda self: any(self.world.flight.values()))
    @rule(data=st.data(), count=st.integers(1, 20), lose=st.booleans())
    def deliver(self, data: Any, count: int, lose: bool) -> None:
        pair = self._pick(data, sorted(p for p, q in self.world.flight.items() if q))
        self.world.deliver(*pair, lose=lose)
        for _ in range(count):
            if self.world.flight.get(pair):
                self.world.deliver(*pair)

    @precondition(lambda self: self.world.to_start)
    @rule(data=st.data())
    def executor_comes_up(self, data: Any) -> None:
        self.world.start_executor(self._pick(data, list(self.world.to_start)))

    @precondition(lambda self: self.world.executors())
    @rule(data=st.data())
    def executor_dies(self, data: Any) -> None:
        address = self._pick(data, self.world.executors())
        machine = self.world.machines[address]
        self.world.end_executor(machine.state.executor_id, machine.state.framework_id)

    @precondition(lambda self: any(self.world.works.values()))
    @rule(data=st.data(), end=st.booleans())
    def work_goes_on(self, data: Any, end: bool) -> None:
        works = [(s, t, w) for s, tasks in self.world.works.items() for t, w in tasks.items()]
        shim, task_id, phase = self._pick(data, works)
        if end:
            self.world.end_work(shim, task_id)
        elif phase == "begun":
            self.world.start_work(shim, task_id)

    @rule()
    def agent_dies(self) -> None:
        self.world.crash_agent()

    @rule(data=st.data())
    def link_breaks(self, data: Any) -> None:
        self.world.break_link(AGENT, self._pick(data, [MASTER, *self.world.executors()]))

    @precondition(lambda self: self.world.cut)
    @rule(data=st.data())
    def link_mends(self, data: Any) -> None:
        self.world.mend_link(*sorted(self._pick(data, sorted(self.world.cut, key=sorted))))

    @rule(ms=st.sampled_from([1, 500, 2_000, 30_000]))
    def time_passes(self, ms: int) -> None:
        self.world.advance(ms)

    def teardown(self) -> None:
        self.world.settle()
        self.world.check_end()


Trouble.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None, report_multiple_bugs=False)
TestTrouble = Trouble.TestCase
