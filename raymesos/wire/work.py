"""What a task runs: four kinds of work, and what an executor reports of work that has many parts.

- `ChunkWork`: a function over a range of inputs, in a warm pool worker or in a process forked for it.
- `CommandWork`: one command. - `CommandsWork`: several commands in turn, each with its own process, sandbox and logs.
- `ResidentWork`: a long-lived process with a control channel.

Data does not travel in these: functions and inputs are named by `Blob`s, results return in `WorkReport`s straight to `reply_to`.
"""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.wire.registry import message


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes, either here or in a file. `node_id` names the Ray node whose processes can open `path`."""

    inline: bytes = b""
    path: str = ""
    node_id: str = ""
    size: int = 0
    key: str = ""
    """Names the content for those that must ask its owner for it: `<job id>/<what>`."""


@message(180)
class ChunkWork:
    """Call the function for the inputs `lo` to `hi` (exclusive) of the job, one after another.

    `pool_key` names whom a warm worker may serve: role, environment and working directory; workers are never shared between keys.
    After `budget_ms` of run time the worker stops between two inputs; the rest is reported as not done.
    """

    job_id: str
    lo: int
    hi: int
    fn: Blob
    inputs: Blob
    """A segment whose first input has the index `inputs_base` in the job."""
    inputs_base: int = 0
    attempt: int = 1
    isolated: bool = False
    """A process of its own for this task, instead of a warm pool worker."""
    budget_ms: int = 200
    pool_key: str = ""
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    sys_path: tuple[str, ...] = ()
    python: str = ""
    """`3.11`: the Python that pickled the function; a worker of another one refuses."""
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Uri:
    """A file that is in the sandbox before the command starts: fetched from a URL or copied from a path. (mesos.proto, CommandInfo.URI)"""

    value: str
    executable: bool = False
    """Made executable, and then not unpacked."""
    extract: bool = True
    """Unpacked if it is an archive by its name."""
    cache: bool = False
    output_file: str = ""
    """Where in the sandbox; empty: under its own last name."""


@message(181)
class CommandWork:
    """Run `argv` in a session of its own; exit 0 is FINISHED. Without `working_dir` it starts in its sandbox. A shell's command is `/bin/sh -c <text>`."""

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    uris: tuple[Uri, ...] = ()
    program: str = ""
    """The file that is run, if it is another than `argv[0]`."""


@message(182)
class CommandsWork:
    """Run the same command for the indexes `lo` to `hi` (exclusive), in turn; one that fails does not stop the next."""

    job_id: str
    lo: int
    hi: int
    argv: tuple[str, ...]
    attempt: int = 1
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    budget_ms: int = 200
    reply_to: str = ""


@message(183)
class ResidentWork:
    """A process that lives until it is told to end: a command, an ASGI app served on `$PORT0`, or a function that is called without arguments.

    It has a control channel to its executor. Of its stdout and stderr the last is kept.
    """

    argv: tuple[str, ...] = ()
    fn: Blob = Blob()
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    sys_path: tuple[str, ...] = ()
    python: str = ""
    """As in ChunkWork."""
    app: str = ""
    """`module:attribute`."""
    keeper: str = ""
    """Which framework has `fn`, for agents on other nodes than it."""


Work = ChunkWork | CommandWork | CommandsWork | ResidentWork


@dataclass(frozen=True, slots=True)
class Failed:
    """One input that failed: `error` is one line; the full traceback is in the results."""

    index: int
    error: str
    exit_code: int | None = None
    signal: int | None = None


@message(184)
class WorkReport:
    """What became of a part of a task: the indexes `lo` to `hi` (exclusive) are done, but for those in `failed`.

    Sent by the executor straight to `reply_to`, resent until WorkReportTaken. `culprit` is the index that was running when the worker died;
    it is not part of `lo` to `hi`. `results` is a results segment with one entry for each index.
    """

    task_id: str
    job_id: str
    part: int
    lo: int
    hi: int
    results: Blob = Blob()
    failed: tuple[Failed, ...] = ()
    culprit: int | None = None
    culprit_error: str = ""
    elapsed_us: int = 0
    last: bool = False
    """No more parts of this task will come."""


@message(185)
class WorkReportTaken:
    """The framework has the part durably; the executor may drop it and its files."""

    task_id: str
    part: int
