"""What one caller sees of the views: each note as it may see it, or not at all. What nobody has thought of is not seen.

As in Mesos, `view_roles` decides about roles, `view_frameworks`, `view_tasks` and `view_executors` about the users that these run as, and tasks and executors are seen with their
framework only. Stricter than Mesos, a framework is seen by who sees one of its roles, and its tasks, executors and offers by who sees theirs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from raymesos.http.security.access import Access, Caller
from raymesos.model.resources import Resources, build
from raymesos.observe.attempts import Attempts
from raymesos.observe.history import History
from raymesos.observe.state import View
from raymesos.wire.jobs import JobSpec
from raymesos.wire.notes import (
    AgentNote,
    AttemptNote,
    CallsNote,
    EventNote,
    ExecutorNote,
    FrameworkNote,
    HistoryNote,
    InstanceNote,
    JobNote,
    JobSpecNote,
    MaintenanceNote,
    MasterNote,
    MetricsNote,
    NotesBegin,
    NotesComplete,
    OffersNote,
    OutstandingNote,
    PassNote,
    ServiceNote,
    ShareNote,
    TaskNote,
    WaitNote,
    WaitReason,
    WatchNotes,
)

# Stands where an event is that the caller does not see: the others keep their numbers.
UNSEEN = EventNote(0, "", "")
# Metrics that name a role or a framework.
_NAMING = (
    "frameworks/",
    "allocator/mesos/roles/",
    "allocator/mesos/offer_filters/roles/",
    "allocator/mesos/quota/roles/",
)


class Lens:
    """What `caller` sees of `view`."""

    def __init__(self, access: Access, caller: Caller, view: View) -> None:
        self._access, self._caller, self._view = access, caller, view
        self._roles: dict[str, bool] = {}
        self._frameworks: dict[str, bool] = {}
        self._of_framework: dict[tuple[str, str], bool] = {}
        self._subjects: dict[str, None] | None = None

    def sees(self, note: Any) -> Any:
        """The note as it may be seen; None if not at all."""
        rule = _RULES.get(type(note))
        return rule(self, note) if rule is not None else None

    # ------------------------------------------------------------ who sees what

    def role(self, role: str) -> bool:
        found = self._roles.get(role)
        if found is None:
            found = self._roles[role] = self._access.allows(self._caller, "view_roles", role)
        return found

    def framework(self, framework_id: str) -> bool:
        found = self._frameworks.get(framework_id)
        if found is None:
            note = self._view.frameworks.get(framework_id)
            found = self._frameworks[framework_id] = note is not None and self.framework_note(note) is not None
        return found

    def of_framework(self, framework_id: str, action: str) -> bool:
        """Whether the framework is seen, and `action` allowed on what runs as its user."""
        key = framework_id, action
        found = self._of_framework.get(key)
        if found is None:
            note = self._view.frameworks.get(framework_id)
            seen = self.framework(framework_id)
            found = self._of_framework[key] = seen and self._access.allows(self._caller, action, _user(note))
        return found

    def job(self, job_id: str) -> bool:
        note = self._view.jobs.get(job_id)
        return note is not None and self.role(note.role)

    # ------------------------------------------------------------ each kind of note

    def agent_note(self, note: AgentNote) -> AgentNote:
        operations = tuple(row for row in note.operations if self.framework(row.framework_id))
        total = self._resources(note.total)
        if total is note.total and len(operations) == len(note.operations):
            return note
        return replace(note, total=total, operations=operations)

    def framework_note(self, note: FrameworkNote) -> FrameworkNote | None:
        roles = tuple(role for role in note.roles if self.role(role))
        if not roles or not self._access.allows(self._caller, "view_frameworks", _user(note)):
            return None
        if len(roles) == len(note.roles):
            return note
        filters = tuple(row for row in note.info.offer_filters if self.role(row[0])) if note.info else ()
        info = replace(note.info, roles=roles, offer_filters=filters) if note.info else None
        suppressed = tuple(role for role in note.suppressed_roles if self.role(role))
        return replace(note, roles=roles, info=info, suppressed_roles=suppressed, offer_constraints="")

    def task_note(self, note: TaskNote) -> TaskNote | None:
        return note if self.role(note.role) and self.of_framework(note.framework_id, "view_tasks") else None

    def executor_note(self, note: ExecutorNote) -> ExecutorNote | None:
        seen = not note.info.role or self.role(note.info.role)
        return note if seen and self.of_framework(note.framework_id, "view_executors") else None

    def offers_note(self, note: OffersNote) -> OffersNote | None:
        return note if self.framework(note.framework_id) else None

    def calls_note(self, note: CallsNote) -> CallsNote | None:
        return note if self.framework(note.framework_id) else None

    def outstanding_note(self, note: OutstandingNote) -> OutstandingNote | None:
        if not self.framework(note.framework_id):
            return None
        return replace(note, offers=tuple(offer for offer in note.offers if self.role(offer.role)))

    def share_note(self, note: ShareNote) -> ShareNote | None:
        return note if self.role(note.role) else None

    def wait_note(self, note: WaitNote) -> WaitNote | None:
        if not (self.framework(note.framework_id) and self.role(note.role)):
            return None
        reasons = tuple(self._reason(reason) for reason in note.reasons)
        if reasons == note.reasons:
            return note
        return replace(note, reasons=reasons, detail=reasons[0].detail)

    def pass_note(self, note: PassNote) -> PassNote:
        return replace(note, filters=tuple(row for row in note.filters if self.role(row[0])))

    def job_note(self, note: JobNote) -> JobNote | None:
        return note if self.role(note.role) else None

    def spec_note(self, note: JobSpecNote) -> JobSpecNote | None:
        return note if self.role(note.spec.role) else None

    def attempt_note(self, note: AttemptNote) -> AttemptNote | None:
        return note if self.job(note.job_id) else None

    def service_note(self, note: ServiceNote) -> ServiceNote | None:
        return note if self.role(note.role) else None

    def instance_note(self, note: InstanceNote) -> InstanceNote | None:
        """Its service says whose it is; of one that is not known yet nothing is told."""
        service = self._view.services.get(note.job_id)
        return note if service is not None and self.role(service.role) else None

    def event_note(self, note: EventNote) -> EventNote:
        if note.subject not in self._names():
            return replace(UNSEEN, at_ms=note.at_ms)
        # What an agent has is told with the roles that it is reserved for.
        return replace(note, text="") if note.kind.startswith("agent") and "(" in note.text else note

    def metrics_note(self, note: MetricsNote) -> MetricsNote:
        return replace(note, values=tuple(row for row in note.values if not row[0].startswith(_NAMING)))

    def maintenance_note(self, note: MaintenanceNote) -> MaintenanceNote:
        return replace(note, answers=tuple(row for row in note.answers if self.framework(row[1])))

    def master_note(self, note: MasterNote) -> MasterNote:
        weights = tuple(row for row in note.weights if self.role(row[0]))
        return replace(note, weights=weights, quotas=tuple(q for q in note.quotas if self._quota(q.role)))

    def history_note(self, note: HistoryNote) -> HistoryNote | None:
        return note if self.role(note.role) else None

    def all_of(self, note: Any) -> Any:
        return note

    # ------------------------------------------------------------ details

    def _quota(self, role: str) -> bool:
        return self.role(role) and self._access.allows(self._caller, "get_quotas", role)

    def _reason(self, reason: WaitReason) -> WaitReason:
        return reason if not reason.role or self.role(reason.role) else replace(reason, role="", detail="")

    def _resources(self, total: Resources) -> Resources:
        """What is reserved for roles that are not seen is as if it were for nobody: as much, and no volume."""
        if all(self.role(role) for role in total.reserved_roles()):
            return total
        return build(
            [
                (
                    key if not key.reservations or self.role(key.role) else key._replace(reservations=(), disk=None),
                    quantity,
                )
                for key, quantity in total
            ]
        )

    def _names(self) -> dict[str, None]:
        """Ids and names of all that is seen and that an event may be about."""
        if self._subjects is None:
            view = self._view
            found = dict.fromkeys(name for a in view.agents.values() for name in (a.agent_id, a.name))
            found |= {f.framework_id: None for f in view.frameworks.values() if self.framework(f.framework_id)}
            found |= {j.job_id: None for j in view.jobs.values() if self.role(j.role)}
            services = {s.job_id: None for s in view.services.values() if self.role(s.role)}
            found |= services | {id: None for job_id in services for id in view.instances.get(job_id, {})}
            found |= {role: None for role in view.roles if self.role(role)}
            self._subjects = found
        return self._subjects


def narrowed(view: View, lens: Lens) -> View:
    """A view of its own with what the lens shows."""
    return View(**{name: narrow(lens, getattr(view, name)) for name, narrow in FIELDS.items()})


def _user(note: FrameworkNote | None) -> str:
    return note.info.user if note is not None and note.info is not None else ""


def _notes(lens: Lens, notes: dict[Any, Any]) -> dict[Any, Any]:
    pairs = [(key, lens.sees(note)) for key, note in notes.items()]
    return {key: seen for key, seen in pairs if seen is not None}


def _events(lens: Lens, events: deque[EventNote]) -> deque[EventNote]:
    return deque([lens.event_note(event) for event in events], maxlen=events.maxlen)


def _specs(lens: Lens, specs: dict[str, JobSpec]) -> dict[str, JobSpec]:
    return {job_id: spec for job_id, spec in specs.items() if lens.role(spec.role)}


def _attempts(lens: Lens, attempts: Attempts) -> Attempts:
    seen = {job_id: notes for job_id, notes in attempts.of_job.items() if lens.job(job_id)}
    return Attempts(seen, sum(len(notes) for notes in seen.values()))


def _instances(lens: Lens, of: dict[str, dict[str, InstanceNote]]) -> dict[str, dict[str, InstanceNote]]:
    return {job_id: seen for job_id, notes in of.items() if (seen := _notes(lens, notes))}


def _history(lens: Lens, history: History) -> History:
    return History({role: points for role, points in history.points.items() if lens.role(role)})


def _metrics(lens: Lens, metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if not name.startswith(_NAMING)}


def _ends(lens: Lens, ends: dict[str, int]) -> dict[str, int]:
    """Of all tasks that ended, whose they were is not known any more: none are told."""
    return {}


def _same(lens: Lens, value: Any) -> Any:
    return value


def _one(lens: Lens, note: Any) -> Any:
    return None if note is None else lens.sees(note)


FIELDS: dict[str, Callable[[Lens, Any], Any]] = {
    "agents": _notes,
    "frameworks": _notes,
    "offers": _notes,
    "outstanding": _notes,
    "calls": _notes,
    "tasks": _notes,
    "executors": _notes,
    "ended_tasks": _notes,
    "roles": _notes,
    "waits": _notes,
    "jobs": _notes,
    "services": _notes,
    "instances": _instances,
    "history": _history,
    "specs": _specs,
    "attempts": _attempts,
    "events": _events,
    "events_seen": _same,
    "last_pass": _one,
    "master": _one,
    "maintenance": _one,
    "metrics": _metrics,
    "task_ends": _ends,
}
"""How each field of a View is narrowed. A test sees to it that none is missing."""

_RULES: dict[type, Callable[[Lens, Any], Any]] = {
    AgentNote: Lens.agent_note,
    FrameworkNote: Lens.framework_note,
    TaskNote: Lens.task_note,
    ExecutorNote: Lens.executor_note,
    OffersNote: Lens.offers_note,
    OutstandingNote: Lens.outstanding_note,
    CallsNote: Lens.calls_note,
    ShareNote: Lens.share_note,
    WaitNote: Lens.wait_note,
    PassNote: Lens.pass_note,
    JobNote: Lens.job_note,
    JobSpecNote: Lens.spec_note,
    AttemptNote: Lens.attempt_note,
    ServiceNote: Lens.service_note,
    InstanceNote: Lens.instance_note,
    EventNote: Lens.event_note,
    MetricsNote: Lens.metrics_note,
    MaintenanceNote: Lens.maintenance_note,
    MasterNote: Lens.master_note,
    HistoryNote: Lens.history_note,
    WatchNotes: Lens.all_of,
    NotesBegin: Lens.all_of,
    NotesComplete: Lens.all_of,
}
