"""Commands about jobs: submit, ps, logs, cancel, schema."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from raymesos.cli import show
from raymesos.cli.doors import AsJson, Name, doors
from raymesos.cli.follow import follow_log
from raymesos.cli.screen import Screen
from raymesos.errors import JobFailed, UnknownId
from raymesos.progress import say

# Failed inputs that the summary names; the rest are counted.
FAILURES_SHOWN = 5
# The observer hears of a job a tenth of a second after it is accepted.
SEEN_LOOKS = 40
LOOK_S = 0.05

JobId = Annotated[str, typer.Argument(help="The job's id, or its name (the newest of that name).", metavar="JOB")]


def add_to(app: typer.Typer) -> None:
    panel = "Jobs"
    for command, example in (
        (submit, "raymesos submit job.yaml --detach"),
        (ps, "raymesos ps --all"),
        (logs, "raymesos logs render 3 -f"),
        (cancel, "raymesos cancel render"),
        (schema, "raymesos schema > job.schema.json"),
    ):
        app.command(rich_help_panel=panel, epilog=f"Example: {example}")(command)


def submit(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="The job as YAML or JSON; - reads stdin.", metavar="FILE")],
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return at once; the job outlives this command.")
    ] = False,
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Submit the job of a file, and wait for its end. Ends with 1 if the job failed; Ctrl-C cancels it.

    A job file: [bold]{kind: batch, name: render, command: './render $RAYMESOS_INDEX', size: 100, role: ads, cpus: 1, mem: 512MB}[/bold]. `raymesos schema` has all fields.
    """
    from raymesos.cli.job_file import read_job

    described = read_job(file)
    found = doors(context)
    cluster = found.connect(name)
    if described.after:
        described = described.model_copy(update={"after": [cluster.job(str(a)).id for a in described.after]})
    began = time.monotonic()
    job = cluster.submit(described, detach=detach)
    screen = Screen(as_json=json)
    if detach:
        _wait_until_seen(cluster, job.id, found.pause)
        screen.document({"id": job.id, "name": described.name, "role": described.role, "total": job.total})
        screen.line(job.id)
        return
    say(f"job {job.id}: {show.count(job.total, 'command')} in role {described.role}")
    result = _outcome(job, began, found.pause)
    screen.document(result)
    show.summary(screen, result)
    if not result["ok"]:
        raise typer.Exit(JobFailed.exit_code)


def ps(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Ended jobs too.")] = False,
    role: Annotated[str | None, typer.Option(help="Only the jobs of this role.")] = None,
    name: Name = None,
    json: AsJson = False,
) -> None:
    """The jobs that are under way, oldest first."""
    rows = doors(context).connect(name).view("jobs", role=role, everything=everything)
    screen = Screen(as_json=json)
    screen.document(rows)
    show.jobs(screen, rows, everything=everything, now_ms=time.time_ns() // 1_000_000)


def logs(
    context: typer.Context,
    job: JobId,
    index: Annotated[
        int, typer.Argument(min=0, help="Which input or command of the job, from 0.", metavar="INDEX")
    ] = 0,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on as it prints, until it has ended or Ctrl-C.")
    ] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="What it wrote to stderr instead of stdout.")] = False,
    name: Name = None,
    json: AsJson = False,
) -> None:
    """What the last attempt of one input or command has printed.

    With --json and -f each piece is a document on a line of its own.
    """
    screen = Screen(as_json=json)
    found = doors(context)
    handle = found.connect(name).job(job)
    stream = "stderr" if stderr else "stdout"
    head = {"job": handle.id, "index": index, "stream": stream}
    if follow:
        for text in follow_log(handle, index, stream, found.pause, say):
            _print_log(screen, head, text)
    else:
        _print_log(screen, head, handle.logs(index, stream))


def cancel(context: typer.Context, job: JobId, name: Name = None, json: AsJson = False) -> None:
    """Start nothing more of the job and kill what runs. What has finished stays readable."""
    handle = doors(context).connect(name).job(job)
    before = handle.status()
    if not before.done:
        handle.cancel()
    screen = Screen(as_json=json)
    screen.document({"id": handle.id, "name": before.name, "cancelled": not before.done})
    screen.line(f"job {handle.id} had ended already: {before.why}" if before.done else f"job {handle.id} is cancelled")


def schema(json: AsJson = False) -> None:
    """The JSON schema of a job file. No cluster is needed."""
    import json as text

    from raymesos.model.job_files import job_schema

    screen = Screen(as_json=json)
    screen.document(job_schema())
    screen.line(text.dumps(job_schema(), indent=2))


def _outcome(job: Any, began: float, pause: Callable[[float], None]) -> dict[str, Any]:
    """Wait for the job's end; its status and the first failures as plain data."""
    failures: list[dict[str, Any]] = []
    try:
        for index, outcome in job.as_completed(errors="return"):
            if isinstance(outcome, Exception) and len(failures) < FAILURES_SHOWN:
                failures.append({"index": index, "error": getattr(outcome, "message", str(outcome))})
    except JobFailed:
        pass  # It was cancelled from elsewhere, or could not go on: its status says why.
    while not (status := job.status()).done:
        pause(LOOK_S)  # Its last result is there a moment before its end.
    return {
        "id": status.id,
        "name": status.name,
        "role": status.role,
        "state": status.state,
        "ok": status.ok,
        "why": status.why,
        "total": status.total,
        "succeeded": status.succeeded,
        "failed": status.failed,
        "retried": status.retried,
        "seconds": round(time.monotonic() - began, 3),
        "failures": sorted(failures, key=lambda f: f["index"]),
    }


def _wait_until_seen(cluster: Any, job_id: str, pause: Callable[[float], None]) -> None:
    """The next command reads the observer's views, so it must find the job there."""
    for _ in range(SEEN_LOOKS):
        try:
            cluster.view("job", job=job_id)
        except UnknownId:
            pause(LOOK_S)
        else:
            return


def _print_log(screen: Screen, head: dict[str, Any], text: str) -> None:
    screen.document({**head, "text": text})
    if not screen.as_json:
        screen.raw(text)
