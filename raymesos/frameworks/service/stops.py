"""How instances are ended: no new requests, then SIGTERM once the old ones are done or their time is up, then SIGKILL after the grace. Throttled where many end at once."""

from __future__ import annotations

from collections.abc import Iterator

from raymesos.frameworks import kills
from raymesos.frameworks.retry import STUCK, STUCK_KILLING
from raymesos.frameworks.service.books import keep
from raymesos.frameworks.service.state import Instance, Job, State, touch
from raymesos.machine import Outbox
from raymesos.model.tasks import TaskState
from raymesos.wire.service_records import InstanceEnded, StopKept


def stop(state: State, job: Job, instance: Instance, why: str, out: Outbox, now_ms: int) -> None:
    """Begin to end the instance; `why` is Titus' code. Asked for again it changes nothing."""
    if instance.stop is not None:
        return
    keep(state, StopKept(job.id, instance.id, why, now_ms), out)
    assert instance.stop is not None
    known = job.told is not None and any(e.task_id == instance.id for e in job.told.endpoints)
    if known and instance.unreachable_ms is None and state.gateways:
        instance.stop.waits = dict(state.gateways)
        instance.stop.drain_until_ms = now_ms + job.spec.drain_ms
    else:
        kill(state, job, instance, out, now_ms)


def kill(state: State, job: Job, instance: Instance, out: Outbox, now_ms: int) -> None:
    """Have it killed, for the reason that it is being ended for; again if nobody has confirmed it."""
    assert instance.stop is not None
    until_ms = now_ms + state.settings.kill_stuck_ms
    instance.stop.waits.clear()
    instance.stop.kill = kills.asked(instance.stop.kill, instance.stop.why, until_ms)
    kills.send(state.subscription, instance.id, instance.agent_id, out)
    touch(state, job)


def drained(state: State, gateway: str, task_ids: tuple[str, ...], out: Outbox, now_ms: int) -> None:
    """The gateway has no request open to these any more."""
    for task_id in task_ids:
        job = state.open.get(state.of_task.get(task_id, ""))
        if job is not None:
            _waits_no_more(state, job, job.instances[task_id], gateway, out, now_ms)


def gateway_lost(state: State, gateway: str, out: Outbox, now_ms: int) -> None:
    """Its requests are gone with it."""
    for job in state.open.values():
        for instance in list(job.instances.values()):
            _waits_no_more(state, job, instance, gateway, out, now_ms)


def look_after(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """What is late: instances that never start, drains and kills that nobody confirms."""
    for instance in list(job.instances.values()):
        if instance.stop is not None:
            _go_on(state, job, instance, out, now_ms)
        elif instance.started_ms is None and state.subscription.connected and now_ms >= _stuck_ms(state, instance):
            stop(state, job, instance, STUCK, out, now_ms)


def due(state: State, job: Job) -> Iterator[int]:
    """When `look_after` has something to do."""
    for instance in job.instances.values():
        if instance.stop is None:
            if instance.started_ms is None:
                yield _stuck_ms(state, instance)
        elif instance.stop.kill is not None:
            yield instance.stop.kill.until_ms
        else:
            yield instance.stop.drain_until_ms


def restart_clocks(state: State, out: Outbox, now_ms: int) -> None:
    """The master is back: what we told it while it was away it has not heard. (Titus: clocks restart on a failover)"""
    for job in state.open.values():
        for instance in job.instances.values():
            if instance.stop is not None and (instance.stop.kill is not None or not instance.stop.waits):
                attempts = instance.stop.kill.attempts if instance.stop.kill is not None else 1
                kill(state, job, instance, out, now_ms)
                assert instance.stop.kill is not None
                instance.stop.kill.attempts = attempts
            elif instance.started_ms is None:
                instance.launched_ms = now_ms


def _stuck_ms(state: State, instance: Instance) -> int:
    return instance.launched_ms + state.settings.launch_stuck_ms


def _go_on(state: State, job: Job, instance: Instance, out: Outbox, now_ms: int) -> None:
    assert instance.stop is not None
    asked = instance.stop.kill
    if asked is None:
        if not instance.stop.waits or now_ms >= instance.stop.drain_until_ms:
            kill(state, job, instance, out, now_ms)
    elif now_ms >= asked.until_ms and state.subscription.connected:
        if asked.attempts < state.settings.kill_attempts:
            kill(state, job, instance, out, now_ms)
        else:
            _give_up(state, job, instance, out, now_ms)


def _give_up(state: State, job: Job, instance: Instance, out: Outbox, now_ms: int) -> None:
    """Nobody has confirmed the kill: it is over without that. Should it ever be heard of again, it is killed again."""
    ran_ms = now_ms - instance.started_ms if instance.started_ms is not None else 0
    text = "nobody has confirmed that it was killed"
    keep(state, InstanceEnded(job.id, instance.id, TaskState.KILLED, STUCK_KILLING, text, ran_ms, now_ms), out)


def _waits_no_more(state: State, job: Job, instance: Instance, gateway: str, out: Outbox, now_ms: int) -> None:
    stopping = instance.stop
    if stopping is None or stopping.kill is not None or gateway not in stopping.waits:
        return
    del stopping.waits[gateway]
    if not stopping.waits:
        kill(state, job, instance, out, now_ms)
