"""The executor: gives the tasks of one framework on one agent to the shim, and reports what becomes of them."""

from __future__ import annotations

from typing import assert_never

from raymesos.errors import InvariantBroken
from raymesos.kernel.executor import checks, reports, subscription, work
from raymesos.kernel.executor.state import State, Subscribing, check
from raymesos.kernel.names import Uuids
from raymesos.machine import LinkDown, LinkUp, Outbox, Wake
from raymesos.model.settings import ExecutorSettings
from raymesos.wire.messages import (
    ExecutorAcknowledged,
    ExecutorMessage,
    ExecutorReconnect,
    ExecutorSubscribed,
    KillLaunched,
    LaunchTasks,
    Probed,
    ShutdownExecutorNow,
    WorkEnded,
    WorkStarted,
)
from raymesos.wire.work import WorkReport, WorkReportTaken

ExecutorInbox = (
    ExecutorAcknowledged
    | ExecutorMessage
    | ExecutorReconnect
    | ExecutorSubscribed
    | KillLaunched
    | LaunchTasks
    | LinkDown
    | LinkUp
    | Probed
    | ShutdownExecutorNow
    | Wake
    | WorkEnded
    | WorkReport
    | WorkReportTaken
    | WorkStarted
)


_DEFAULT_SETTINGS = ExecutorSettings()


class ExecutorMachine:
    """`incarnation` is larger for every later life. It subscribes with its agent on `Wake("start")`."""

    def __init__(
        self,
        framework_id: str,
        executor_id: str,
        agent_address: str,
        shim_address: str,
        incarnation: int,
        settings: ExecutorSettings = _DEFAULT_SETTINGS,
    ) -> None:
        self.state = State(
            settings,
            framework_id,
            executor_id,
            agent_address,
            shim_address,
            Uuids(f"{agent_address}/{framework_id}/{executor_id}", incarnation),
            Subscribing(settings.subscribe_retry_ms),
        )

    def handle(self, now_ms: int, sender: str, message: ExecutorInbox, out: Outbox) -> None:
        state = self.state
        _dispatch(state, now_ms, message, out)
        if state.broken:
            work.end_broken_groups(state, out, now_ms)

    def check(self) -> None:
        check(self.state)


def _dispatch(state: State, now_ms: int, message: ExecutorInbox, out: Outbox) -> None:
    match message:
        case LaunchTasks(tasks):
            for task in tasks:
                work.launch(state, task, out, now_ms)
        case WorkStarted():
            work.started(state, message, out, now_ms)
        case Probed():
            work.end_unfit(state, checks.probed(state, message, out, now_ms), out, now_ms)
        case WorkReport():
            reports.forward(state, message, out, now_ms)
        case WorkReportTaken():
            reports.taken(state, message, out)
            if state.waiting:
                work.start_waiting(state, out, now_ms)
        case WorkEnded():
            work.ended(state, message, out, now_ms)
        case ExecutorAcknowledged():
            subscription.acknowledged(state, message)
        case KillLaunched():
            work.kill(state, message, out, now_ms)
        case ExecutorSubscribed():
            subscription.subscribed(state, message, out)
        case ExecutorReconnect():
            subscription.subscribe(state, out)
        case ShutdownExecutorNow(grace_ms):
            work.shut_down(state, grace_ms, out, now_ms)
        case ExecutorMessage(down=down):
            out.send(state.shim_address if down else state.agent_address, message)
        case Wake(key):
            _wake(state, now_ms, key, out)
        case LinkDown(peer):
            _link_down(state, now_ms, peer, out)
        case LinkUp(peer, restarted):
            _link_up(state, now_ms, peer, out, restarted=restarted)
        case _:
            assert_never(message)


def _wake(state: State, now_ms: int, key: str, out: Outbox) -> None:
    kind, _, rest = key.partition(" ")
    match kind:
        case "start":
            subscription.subscribe(state, out)
        case "subscribe":
            subscription.ask_again(state, out)
        case "tell":
            work.tell(state, out, now_ms)
        case "limit":
            work.out_of_time(state, rest, out, now_ms)
        case checks.HEALTH | checks.READINESS:
            work.end_unfit(state, checks.due(state, kind, rest, out, now_ms), out, now_ms)
        case checks.DEADLINE:
            work.end_unfit(state, checks.not_ready_in_time(state, rest), out, now_ms)
        case "reports":
            reports.resend(state, rest, out, now_ms)
        case _:
            raise InvariantBroken("executor.wake", f"{state.executor_id} was woken for {key!r}")


def _link_down(state: State, now_ms: int, peer: str, out: Outbox) -> None:
    if peer == state.agent_address:
        subscription.wait(state, out)
    elif peer == state.shim_address:
        work.shim_down(state, out, now_ms)
    else:
        reports.link_down(state, peer)


def _link_up(state: State, now_ms: int, peer: str, out: Outbox, *, restarted: bool) -> None:
    if peer == state.agent_address:
        subscription.subscribe(state, out)
    elif peer == state.shim_address:
        if restarted and state.shim_is_up:
            work.shim_down(state, out, now_ms)
        work.shim_up(state, out, now_ms)
    else:
        reports.link_up(state, peer, out, now_ms)
