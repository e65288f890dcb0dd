"""What the apps of one HTTP process stand on. They know neither Ray nor how the process was started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from starlette.types import ASGIApp

from raymesos.http.desk import Desk
from raymesos.http.prometheus.requests import Requests
from raymesos.http.security.access import Access, Caller, caller_of
from raymesos.http.security.audit import AuditLog
from raymesos.http.security.keyring import Keyring
from raymesos.http.security.seeing import Seeing
from raymesos.http.views import Readable, Views
from raymesos.model.settings import HttpSettings, Settings
from raymesos.wire.work import Blob


class ClusterDoor(Protocol):
    """What the apps need of `raymesos.actors.door.Door`. Every call blocks: from the event loop through `asyncio.to_thread`."""

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = ...) -> Any: ...

    def ask(self, actor: str, message: Any, timeout_s: float = ...) -> Any: ...

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None: ...

    def view(self, name: str, arguments: dict[str, Any]) -> Any: ...

    def put_file(self, key: str, path: Path) -> Blob: ...

    def read_piece(self, key: str, offset: int, length: int) -> bytes: ...


@dataclass(slots=True)
class Site:
    """One per HTTP process."""

    name: str
    """The cluster's."""
    cluster_id: str
    views: Views
    door: ClusterDoor
    desk: Desk
    master_is_up: Callable[[], bool]
    """Whether the master answers, as far as the host knows."""
    host: str = "127.0.0.1"
    port: int = 0
    """Where it listens; 0 until it does."""
    started_ms: int = 0
    work_dir: str = ""
    settings: Settings = field(default_factory=Settings)
    """The cluster's: shown as Mesos' flags."""
    access: Access = field(default_factory=Access)
    """Who may do what: `site.access.require(caller_of(request), "update_quotas", role)`."""
    requests: Requests = field(default_factory=Requests)
    keyring: Keyring | None = None
    """Whose tokens open it; None where nobody is asked."""
    agent_apps: dict[str, ASGIApp] = field(default_factory=dict)
    """What is served at the addresses of the agents of this process' node, by agent name."""
    audit: AuditLog | None = None
    """Where calls that change something are written down."""
    limits: HttpSettings = field(default_factory=HttpSettings)
    event_streams: int = 0
    """Readers of the operator's events."""
    _seeing: Seeing | None = None

    def views_for(self, connection: Mapping[str, Any]) -> Readable:
        """The views as the caller of this request (or bare ASGI scope) may see them. Every answer is made of these."""
        return self.views_of(caller_of(connection))

    def views_of(self, caller: Caller) -> Readable:
        """The views as this caller may see them."""
        if self._seeing is None or self._seeing.access is not self.access:
            self._seeing = Seeing(self.views, self.access)
        return self._seeing.of(caller)
