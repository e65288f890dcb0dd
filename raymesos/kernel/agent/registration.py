"""The agent's place in the cluster: registered with the master, and again whenever either may have forgotten."""

from __future__ import annotations

from raymesos.kernel.agent import changes, executors, operations, stopping, tasks, updates
from raymesos.kernel.agent.state import Joined, Joining, Leaving, Recovering, State, Stopped, event
from raymesos.kernel.agent.state import executors as all_executors
from raymesos.machine import MASTER, Outbox
from raymesos.wire.messages import (
    AgentIdKept,
    AgentRefused,
    AgentRegistered,
    AgentTask,
    Ping,
    Pong,
    RegisterAgent,
    ReregisterAgent,
)


def join(state: State, out: Outbox) -> None:
    """Ask the master to be registered, at once and then with doubling pauses until it answers."""
    state.phase = Joining(state.settings.register_retry_ms)
    out.sleep("ping")
    _ask(state, out)
    out.wake("register", state.phase.retry_ms)


def ask_again(state: State, out: Outbox) -> None:
    if isinstance(state.phase, Joining):
        state.phase.retry_ms = min(2 * state.phase.retry_ms, state.settings.register_retry_max_ms)
        _ask(state, out)
        out.wake("register", state.phase.retry_ms)


def registered(state: State, message: AgentRegistered, out: Outbox, now_ms: int) -> None:
    """The master knows us: what it has not acknowledged goes out at once, and it gets an answer for each task that it misses here."""
    if isinstance(state.phase, Recovering | Leaving | Stopped):
        return
    out.sleep("register")
    out.wake("ping", message.ping_timeout_ms)
    was_joined = isinstance(state.phase, Joined)
    state.phase = Joined(message.ping_timeout_ms)
    state.draining = False  # If it goes on, the master says so right behind this.
    if state.agent_id != message.agent_id:
        state.agent_id = message.agent_id
        out.persist(AgentIdKept(message.agent_id))
        executors.tell_who_we_are(state, out)
    changes.tell(state, out)
    if not was_joined:
        updates.resend_all(state, out)
        operations.resend_all(state, out)
    tasks.answer_unknown(state, message.reconcile, out, now_ms)
    executors.answer_unknown(state, message.executors, out)
    operations.answer_unheard(state, message.operations, out)
    if (message.own or state.info.resources) != state.own:
        join(state, out)  # An operation met our registration: what the master took for our word is not true any more.


def refused(state: State, message: AgentRefused, out: Outbox, now_ms: int) -> None:
    """We may not be part of the cluster: nothing of ours may run on. Refused for now, we ask again, as a new agent: our tasks are given up with our id."""
    if isinstance(state.phase, Stopped):
        return
    event(out, now_ms, "agent refused", state.agent_id or state.info.name, message.reason)
    if not message.for_now:
        stopping.stop_everything(state, f"refused: {message.reason}", out, now_ms)
    elif not isinstance(state.phase, Leaving | Recovering):
        state.turned_away = True
        if state.agent_id or not isinstance(state.phase, Joining):
            stopping.end_everything(state, out)
            state.agent_id = ""
            out.persist(AgentIdKept(""))
            join(state, out)


def called_back(state: State, out: Outbox) -> None:
    """We were refused for now, and may be taken now."""
    if isinstance(state.phase, Joining):
        join(state, out)


def pinged(state: State, message: Ping, out: Outbox) -> None:
    """Answer; the master counts on it. One that thinks that we are not connected has lost us: register again."""
    if not state.agent_id or isinstance(state.phase, Stopped):
        return
    out.send(MASTER, Pong(state.agent_id))
    if not isinstance(state.phase, Joined):
        return
    if message.connected:
        out.wake("ping", state.phase.ping_timeout_ms)
    else:
        join(state, out)


def link_down(state: State, out: Outbox) -> None:
    """What was sent lately may be lost: register again, after a while or when the link is up."""
    if isinstance(state.phase, Joined):
        state.phase = Joining(state.settings.register_retry_ms)
        out.sleep("ping")
        out.wake("register", state.phase.retry_ms)


def link_up(state: State, out: Outbox) -> None:
    """The master answers again, perhaps without memory of us."""
    if isinstance(state.phase, Joining | Joined):
        join(state, out)


def ping_missed(state: State, out: Outbox, now_ms: int) -> None:
    if isinstance(state.phase, Joined):
        event(out, now_ms, "master silent", state.agent_id, f"no ping for {state.phase.ping_timeout_ms} ms")
        join(state, out)


def _ask(state: State, out: Outbox) -> None:
    if not state.agent_id:
        # The same each time: one that says something else is another agent to the master, and ours is gone.
        state.told = state.told or state.info
        out.send(MASTER, RegisterAgent(state.told, state.incarnation, operations.own_as_told(state)))
        return
    state.told = state.info
    frameworks = state.frameworks.values()
    out.send(
        MASTER,
        ReregisterAgent(
            state.agent_id,
            state.info,
            state.incarnation,
            tuple(
                [
                    AgentTask(t.framework_id, t.info, t.state, t.preempted_for, t.condition)
                    for f in frameworks
                    for t in f.tasks.values()
                ]
            ),
            tuple([f.info for f in frameworks if f.info is not None]),
            operations.own_as_told(state),
            tuple([(framework_id, o.status) for (framework_id, _), o in state.operations.items()]),
            tuple([(e.framework_id, e.info) for e in all_executors(state) if e.info is not None]),
        ),
    )
