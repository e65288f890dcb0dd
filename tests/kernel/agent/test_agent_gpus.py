"""GPUs are handed out by id: the lowest free ones, never one to two tasks, over restarts of the agent too."""

from __future__ import annotations

from agent_rig import EXECUTOR, INFO, Rig, task, to
from hypothesis import given
from hypothesis import strategies as st

from raymesos.machine import Wake
from raymesos.model.resources import Resources
from raymesos.model.tasks import TaskState, is_terminal
from raymesos.wire.messages import AgentInfo, ConfigureAgent, LaunchTasks, TaskInfo

GPUS = AgentInfo("A1", "A1", Resources.parse("cpus:40;mem:4096;gpus:4"), INFO.attributes)


def ids(rig: Rig) -> dict[str, tuple[int, ...]]:
    """By task that has not ended."""
    tasks = [t for f in rig.agent.state.frameworks.values() for t in f.tasks.values() if not is_terminal(t.state)]
    return {t.info.task_id: t.info.gpu_ids for t in tasks}


def end(rig: Rig, task_id: str) -> None:
    rig.update(task_id, TaskState.FINISHED, uuid=f"end-{task_id}")
    rig.acknowledge(task_id, f"end-{task_id}")


def reborn(rig: Rig, *, info: AgentInfo = GPUS) -> Rig:
    """The agent's next life, to which its executor brings back the tasks as it has them."""
    live = [t for f in rig.agent.state.frameworks.values() for t in f.tasks.values() if not is_terminal(t.state)]
    again = Rig(info=info, incarnation=rig.agent.state.incarnation + 1, start=False)
    again.made = rig.made
    again.agent.restore(rig.records)
    again.records = list(rig.records)
    again.tell(Wake("start"), "agent/A1")
    infos = tuple(t.info for t in live)
    again.subscribe(tasks=infos, states=(TaskState.RUNNING,) * len(infos))
    again.register()
    return again


def test_a_task_has_the_lowest_ids_that_are_free_and_its_executor_hears_which() -> None:
    rig = Rig(info=GPUS)
    rig.running(task("a", "cpus:1;gpus:1"), task("b", "cpus:1;gpus:2"), task("c", "cpus:1;gpus:1"), task("d"))
    assert ids(rig) == {"a": (0,), "b": (1, 2), "c": (3,), "d": ()}
    end(rig, "b")
    [launched] = to(EXECUTOR, rig.run(task("e", "cpus:1;gpus:1")))
    assert isinstance(launched, LaunchTasks)
    assert [t.gpu_ids for t in launched.tasks] == [(1,)]


def test_what_a_framework_says_of_ids_is_not_believed() -> None:
    rig = Rig(info=GPUS)
    rig.running(task("a", "cpus:1;gpus:1", gpu_ids=(3,)), task("b", "cpus:1", gpu_ids=(0, 1)))
    assert ids(rig) == {"a": (0,), "b": ()}


def test_tasks_keep_their_ids_over_a_restart_of_the_agent() -> None:
    rig = Rig(info=GPUS)
    rig.running(task("a", "cpus:1;gpus:1"), task("b", "cpus:1;gpus:1"))
    end(rig, "a")
    again = reborn(rig)
    assert ids(again) == {"b": (1,)}
    again.run(task("c", "cpus:1;gpus:2"))
    assert ids(again) == {"b": (1,), "c": (0, 2)}


def test_an_agent_with_fewer_gpus_gives_out_none_that_are_in_use() -> None:
    rig = Rig(info=GPUS)
    rig.running(task("a", "cpus:1;gpus:3"), task("b", "cpus:1;gpus:1"))
    rig.tell(ConfigureAgent(Resources.parse("cpus:40;mem:4096;gpus:2"), INFO.attributes), "launcher/A1")
    end(rig, "a")
    rig.run(task("c", "cpus:1;gpus:1"))
    assert ids(rig) == {"b": (3,), "c": (0,)}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("launch"), st.integers(0, 4)),
        st.tuples(st.just("end"), st.integers(0, 9)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("resize"), st.integers(0, 6)),
    ),
    max_size=30,
)


@given(STEPS)
def test_no_id_is_ever_with_two_tasks_over_launches_ends_and_restarts(steps: list[tuple[str, int]]) -> None:
    info, had = GPUS, dict[str, tuple[int, ...]]()
    rig = Rig(info=info)
    rig.register()
    rig.subscribe()
    for number, (step, value) in enumerate(steps):
        if step == "launch":
            wanted: TaskInfo = task(f"t{number}", f"cpus:0.1;gpus:{value}" if value else "cpus:0.1")
            rig.run(wanted)
        elif step == "end" and ids(rig):
            end(rig, list(ids(rig))[value % len(ids(rig))])
        elif step == "restart":
            rig = reborn(rig, info=info)
        elif step == "resize":
            total = Resources.parse(f"cpus:40;mem:4096;gpus:{value}" if value else "cpus:40;mem:4096")
            info = AgentInfo("A1", "A1", total, INFO.attributes)
            rig.tell(ConfigureAgent(total, INFO.attributes), "launcher/A1")
        now = ids(rig)
        given_out = [i for each in now.values() for i in each]
        assert len(given_out) == len(set(given_out))
        assert all(now[t] == had[t] for t in now if t in had), "a task keeps its ids"
        tasks = [t for f in rig.agent.state.frameworks.values() for t in f.tasks.values()]
        assert all(len(t.info.gpu_ids) * 1000 == t.info.resources.scalar("gpus") for t in tasks)
        had = now
