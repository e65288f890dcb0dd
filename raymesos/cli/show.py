"""Views as a person reads them. Each function takes the plain data of a view and prints it on a Screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from raymesos.cli.screen import Screen
from raymesos.cli.show_sharing import moment, percent, roles, span

Row = Mapping[str, Any]


def ready(screen: Screen, info: Row, *, block: bool) -> None:
    """What `up` says when it is done."""
    screen.line(f"cluster {info['name']} is ready: {count(len(info['agents']), 'agent')}, work in {info['work_dir']}")
    for agent in info["agents"]:
        screen.line(f"  {agent['name']}  {agent['resources']}")
    if info.get("url"):
        screen.line(f"HTTP at {info['url']}")
    screen.line("Ctrl-C ends it" if block else "next: raymesos submit job.yaml; raymesos status; raymesos down")


def status(screen: Screen, view: Row) -> None:
    active, known = view["agents"]["active"], view["agents"]["known"]
    other = f" ({known - active} more are not active)" if known > active else ""
    screen.line(f"cluster {view['name']}: {count(active, 'active agent')}{other}")
    if not active:
        screen.line("no agent is active: nothing can run")
    resources = [
        (n, q["used"], q["offered"], q["total"], percent(q["used"] / q["total"] if q["total"] else 0))
        for n, q in view["resources"].items()
    ]
    if resources:
        screen.line()
        screen.table(("RESOURCE", "USED", "OFFERED", "TOTAL", "PART"), resources, empty="")
    screen.line()
    screen.line(f"jobs: {counts(view['jobs'], 'none yet; submit one with `raymesos submit job.yaml`')}")
    screen.line(f"tasks: {counts(view['tasks'], 'none yet')}")
    if view["roles"]:
        screen.line()
        roles(screen, view["roles"])


def jobs(screen: Screen, rows: Sequence[Row], *, everything: bool, now_ms: int) -> None:
    screen.table(
        ("JOB", "ROLE", "STATE", "DONE", "FAILED", "RUN", "WAIT", "TIME", "WHY"),
        [
            (
                j["id"],
                j["role"],
                job_state(j),
                f"{j['succeeded']}/{j['total']}",
                j["failed"],
                j["running"],
                j["waiting"],
                span((j["ended_ms"] or now_ms) - j["submitted_ms"]),
                j["why"] or "-",
            )
            for j in rows
        ],
        empty="no job has been submitted yet; submit one with `raymesos submit job.yaml`"
        if everything
        else "no job is under way; `raymesos ps --all` shows ended ones too",
    )


def job_state(job: Row) -> str:
    """One word for people: what the job does, or how it ended."""
    if job["state"] != "Finished":
        return {"KillInitiated": "cancelling"}.get(job["state"], "running" if job["running"] else "waiting")
    if job["succeeded"] == job["total"]:
        return "succeeded"
    return "cancelled" if job["why"] == "cancelled" else "failed"


def summary(screen: Screen, result: Row) -> None:
    """How a submitted job ended."""
    retried = f", {result['retried']} retried" if result["retried"] else ""
    screen.line(
        f"job {result['name']} ({result['id']}) {job_state(result)}: {result['succeeded']} of {result['total']} succeeded, "
        f"{result['failed']} failed{retried}, in {result['seconds']:.1f} s"
    )
    if job_state(result) == "failed" and not result["failures"]:
        screen.line(f"  {result['why']}")
    for failure in result["failures"]:
        screen.line(f"  index {failure['index']}: {failure['error']}")
    if result["failures"]:
        more = result["failed"] - len(result["failures"])
        if more > 0:
            screen.line(f"  and {more} more")
        screen.line(f"see: raymesos logs {result['id']} {result['failures'][0]['index']} --stderr")


def events(screen: Screen, rows: Sequence[Row], *, empty: str) -> None:
    for row in rows:
        screen.line(event_line(row))
    if not rows:
        screen.line(empty)


def event_line(row: Row) -> str:
    return f"{moment(row['at_ms'])}  {row['kind']:<20} {row['subject']}{'  ' + row['text'] if row['text'] else ''}"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def counts(by_state: Mapping[str, int], none: str) -> str:
    return ", ".join(f"{n} {_word(state)}" for state, n in by_state.items()) or none


def _word(state: str) -> str:
    return {"Accepted": "under way", "KillInitiated": "being cancelled", "Finished": "ended"}.get(
        state, state.removeprefix("TASK_").lower().replace("_", " ")
    )
