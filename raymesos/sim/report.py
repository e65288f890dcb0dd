"""How a generated run went, as data and in words."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """How a run went. `events` are messages that the master, the allocator, agents and frameworks took; `ends` counts tasks by their last state."""

    agents: int
    frameworks: int
    tasks: int
    seed: int
    jobs: int = 0
    with_faults: bool = False
    done: int = 0
    launched: int = 0
    relaunched: int = 0
    inputs: int = 0
    """Inputs of batch jobs of which their client knows what became."""
    offers: int = 0
    events: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    virtual_s: float = 0.0
    utilisation: float = 0.0
    """The part of the cluster's CPUs in use, averaged from the first task's start to the last one's end."""
    wall_s: float = 0.0
    events_per_s: float = 0.0
    violations: list[str] = field(default_factory=list)
    violation_count: int = 0
    digest: str = ""

    @property
    def again(self) -> str:
        """The command that runs it once more, to the same digest."""
        words = [f"raymesos sim --agents {self.agents} --frameworks {self.frameworks} --tasks {self.tasks}"]
        words += [f"--jobs {self.jobs}"] if self.jobs else []
        words += [f"--seed {self.seed}"]
        words += ["--faults"] if self.with_faults else []
        return " ".join(words)


def in_words(report: Report) -> str:
    """The report as lines of text; the last one is `digest: ...`."""
    ends = ", ".join(f"{count:,} {state.removeprefix('TASK_').lower()}" for state, count in report.ends.items())
    lines = [
        f"{report.agents:,} agents, {report.frameworks:,} frameworks, {report.tasks:,} tasks, seed {report.seed}",
        f"done: {report.done:,} of {report.tasks:,} tasks; {report.launched:,} launched, {report.relaunched:,} of them again",
        f"ends: {ends or 'none'}",
        f"offers: {report.offers:,}; mean CPU utilisation {report.utilisation:.1%}",
        f"time: {report.virtual_s:,.1f} s virtual, {report.wall_s:,.1f} s real, {report.events:,} events, {report.events_per_s:,.0f} a second",
    ]
    if report.jobs:
        lines.append(f"jobs: {report.jobs:,}, of which {report.inputs:,} inputs are accounted for")
    lines.extend(f"fault: {count} x {kind}" for kind, count in report.faults.items())
    lines.append(f"violations: {report.violation_count}")
    lines.extend(f"  {violation}" for violation in report.violations)
    if report.violation_count:
        lines.append(f"again: {report.again}")
    lines.append(f"digest: {report.digest}")
    return "\n".join(lines)


def in_short(report: Report) -> str:
    """How far it is."""
    return f"{report.virtual_s:,.0f} s: {report.done:,} of {report.tasks:,} tasks done, {report.events:,} events"
