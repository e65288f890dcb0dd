"""Tasks of batch jobs as their framework tells them, by job, within bounds: the oldest that have ended leave first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from raymesos.wire.notes import AttemptNote

# Of one job, and of all jobs together: what people page through.
OF_ONE_JOB = 5_000
OF_ALL_JOBS = 50_000
# They leave so many at a time: finding out which costs a look at all of a job's.
SLACK = 500


@dataclass(slots=True)
class Attempts:
    of_job: dict[str, dict[str, AttemptNote]] = field(default_factory=dict)
    """By job id and task id, in the order in which they were made."""
    count: int = 0

    def __iter__(self) -> Iterator[AttemptNote]:
        for notes in self.of_job.values():
            yield from notes.values()

    def find(self, task_id: str) -> AttemptNote | None:
        """The latest of this task; its id begins with its job's."""
        return self.of_job.get(task_id.rpartition(".")[0].rpartition(".")[0], {}).get(task_id)

    def take(self, note: AttemptNote) -> None:
        notes = self.of_job.setdefault(note.job_id, {})
        self.count += note.task_id not in notes
        notes[note.task_id] = note
        if len(notes) > OF_ONE_JOB + SLACK:
            self._drop(note.job_id, len(notes) - OF_ONE_JOB)
        while self.count > OF_ALL_JOBS and (oldest := self._oldest_over(note.job_id)):
            self.forget(oldest)

    def end(self, job_id: str, at_ms: int) -> None:
        """The job is over. A task of it whose end nobody told of is lost."""
        notes = self.of_job.get(job_id, {})
        for note in [n for n in notes.values() if not n.ended]:
            steps = (*note.steps, ("TASK_LOST", at_ms, "lost"))
            notes[note.task_id] = replace(note, ended=True, steps=steps)

    def forget(self, job_id: str) -> None:
        self.count -= len(self.of_job.pop(job_id, {}))

    def _drop(self, job_id: str, surplus: int) -> None:
        notes = self.of_job[job_id]
        for task_id in [t for t, n in notes.items() if n.ended][:surplus]:
            del notes[task_id]
            self.count -= 1

    def _oldest_over(self, but: str) -> str:
        over = (j for j, notes in self.of_job.items() if j != but and all(n.ended for n in notes.values()))
        return next(over, "")
