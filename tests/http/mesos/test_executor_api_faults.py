"""A kill reaches a custom executor's program whatever is lost on the way: agents and the HTTP process begin anew, links break and are slow, from a seed."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from executor_api_rig import ExecutorRig
from scheduler_rig import Call

from raymesos.http.agent.program import Up
from raymesos.http.recordio import Reader
from raymesos.kernel.agent.state import Running
from raymesos.model.settings import simulated

STEPS = 12


class Program:
    """As `tests/ray/v1_executor.py`: it holds its tasks until they are killed, and subscribes again when its stream has ended."""

    def __init__(self, rig: ExecutorRig) -> None:
        self.rig = rig
        self.tasks: dict[str, Any] = {}
        self.updates: dict[str, Any] = {}
        self.stream: Call | None = None
        self.seen = 0
        self.left = False

    def work(self) -> None:
        """Subscribe if need be, and do what the events say."""
        if self.stream is None or (self.stream.over and self.seen == len(self._events())):
            self.stream, self.seen = (
                self.rig.program(tasks=list(self.tasks.values()), updates=list(self.updates.values())),
                0,
            )
        for event in self._events()[self.seen :]:
            self.seen += 1
            match event["type"]:
                case "LAUNCH":
                    each = event["launch"]["task"]
                    self.tasks[each["task_id"]["value"]] = each
                    self.update(each["task_id"]["value"], "TASK_RUNNING")
                case "KILL":
                    self.update(event["kill"]["task_id"]["value"], "TASK_KILLED")
                case "ACKNOWLEDGED":
                    self.tasks.pop(event["acknowledged"]["task_id"]["value"], None)
                    self.updates.pop(event["acknowledged"]["uuid"], None)

    def _events(self) -> list[dict[str, Any]]:
        assert self.stream is not None
        if self.stream.status != 200:
            return []
        return [json.loads(record) for record in Reader().feed(self.stream.body)]

    def update(self, task_id: str, state: str) -> None:
        status = self.rig.status(task_id, state)
        self.updates[status["uuid"]] = status
        self.rig.say("UPDATE", status=status)


class Faults:
    def __init__(self, rig: ExecutorRig, program: Program, seed: int) -> None:
        self.rig, self.program, self.draw = rig, program, Random(seed)
        self.killed = False
        self.former: list[Any] = []
        """What was of former lives of the HTTP process: collected, it would say goodbye in the name of the present one."""

    def step(self) -> None:
        rig, sim = self.rig, self.rig.sim
        match self.draw.choice(("agent", "agent", "http", "part", "slow", "wait", "kill")):
            case "agent" | "http" if not self.both_know():
                rig.advance(1)
            case "agent":
                sim.crash("A1")
                rig.advance(self.draw.choice((0, 0.2, 1)))
                sim.restart("A1")
            case "http":
                for address in [a for a in sim.world._hosts["http"].pump.addresses() if a.startswith("executor/")]:
                    sim.world.remove(address)
                self.former.append((dict(rig.agent_api._programs), self.program.stream))
                rig.agent_api._programs.clear()
                if self.program.stream is not None:
                    self.program.stream.over = True
            case "part":
                host = sim.world._homes["agent/A1"]
                sim.world.cut("http", host)
                rig.advance(self.draw.choice((0, 0.5, 3)))
                sim.world.heal("http", host)
            case "slow":
                delays = Random(self.draw.random())
                host = sim.world._homes["agent/A1"]
                sim.world.network.slow("http", host, lambda: delays.choice((0, 5, 400)))
            case "kill":
                self.kill()
            case "wait":
                rig.advance(self.draw.choice((0.1, 1)))

    def both_know(self) -> bool:
        """What the agent knows of the program's tasks is in its memory and in its seat's: only one of them may be lost at a time."""
        world = self.rig.sim.world
        seats = [m for a, m in world.machines() if a.startswith("executor/")]
        agent = self.rig.sim.cluster.kernel("agent/A1").state
        phases = [e.phase for f in agent.frameworks.values() for e in f.executors.values()]
        return (
            all(isinstance(s.phase, Up) for s in seats) and bool(seats) and all(isinstance(p, Running) for p in phases)
        )

    def kill(self) -> None:
        """Asked once: what is lost on the way nobody asks for again."""
        if self.killed:
            return
        self.killed = True
        assert self.rig.call(self.rig.stream, "KILL", task_id={"value": "t1"}).status == 202


@pytest.mark.parametrize("seed", range(20))
def test_a_task_that_is_killed_ends_killed_whatever_is_lost(seed: int) -> None:
    patient = simulated()
    patient = replace(patient, agent=replace(patient.agent, executor_reregistration_ms=60_000))
    rig = ExecutorRig(settings=patient)
    try:
        rig.launched("t1")
        program = Program(rig)
        program.work()
        rig.acknowledge_all(rig.stream)
        faults = Faults(rig, program, seed)
        for _ in range(STEPS):
            faults.step()
            if faults.draw.random() < 0.7:
                program.work()
        faults.kill()
        for _ in range(20):
            rig.advance(1)
            program.work()
            rig.acknowledge_all(rig.stream)
        told = [s["state"] for s in rig.statuses(rig.stream) if s.get("reason") != "REASON_RECONCILIATION"]
        assert (told[-1], "TASK_FAILED" in told, program.tasks) == ("TASK_KILLED", False, {})
    finally:
        rig.close()
