"""Health and readiness of services, as users write them. (Mesos: HealthCheck; Titus: readiness; times in seconds or text like 500ms)"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from raymesos.model.descriptors import ByOne, Count, Refused, Seconds, Text, argv_of

MAX_WAIT_S = 3_600.0


class _Check(ByOne):
    first: ClassVar[str] = "port"
    delay: Seconds = Field(default=0.0, le=MAX_WAIT_S)
    """From the start of the instance to the first one."""
    interval: Seconds | None = Field(default=None, gt=0, le=MAX_WAIT_S)
    """None: 2 s for health, 100 ms for readiness."""
    timeout: Seconds = Field(default=2.0, gt=0, le=MAX_WAIT_S)
    grace: Seconds = Field(default=30.0, le=MAX_WAIT_S)
    """Failures so early do not count, unless it was well before."""
    failures: Count = Field(default=3, ge=1, le=1_000)
    """So many in a row are one too many."""
    deadline: Seconds | None = Field(default=None, gt=0, le=86_400.0)
    """Of readiness: an instance that was not ready so long after its start is replaced. None: after 2 minutes."""


class HttpCheck(_Check):
    """GET `path` on the instance's `port`-th port is answered with one of `statuses` (none: 200 to 399)."""

    first: ClassVar[str] = "path"
    kind: Literal["http"] = "http"
    path: Text = "/"
    port: Count = Field(default=0, ge=0, le=999)
    """Which of its ports, counted from 0."""
    scheme: Literal["http", "https"] = "http"
    statuses: list[Count] = Field(default_factory=list)

    @model_validator(mode="after")
    def _reachable(self) -> HttpCheck:
        if not self.path.startswith("/") or any(c.isspace() for c in self.path):
            raise Refused("path", f"{self.path!r}: must begin with / and hold no space")
        wrong = [s for s in self.statuses if not 100 <= s <= 599]
        if wrong:
            raise Refused("statuses", f"{wrong[0]}: must be 100 to 599")
        return self


class TcpCheck(_Check):
    """The instance's `port`-th port takes a connection."""

    kind: Literal["tcp"] = "tcp"
    port: Count = Field(default=0, ge=0, le=999)


class CommandCheck(_Check):
    """`command` ends with 0 in the instance's sandbox and environment."""

    first: ClassVar[str] = "command"
    kind: Literal["command"] = "command"
    command: Text | list[Text]

    @model_validator(mode="after")
    def _there(self) -> CommandCheck:
        if not self.command:
            raise Refused("command", "must not be empty")
        return self

    @property
    def argv(self) -> tuple[str, ...]:
        """What is run."""
        return argv_of(self.command)


ServiceCheck = Annotated[HttpCheck | TcpCheck | CommandCheck, Field(discriminator="kind")]
