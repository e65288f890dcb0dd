"""roles, weights, quota and explain: what is asked of the master, what is shown, and how refusals come out."""

from __future__ import annotations

import pytest
from cli_fakes import NOW_MS, FakeCluster, Shell

from raymesos.errors import QuotaRefused
from raymesos.model.quota import Quota
from raymesos.wire.notes import FrameworkNote, WaitNote, WaitReason
from raymesos.wire.operating import SetQuotas, SetWeights


def test_weights_are_listed_and_set(shell: Shell, cluster: FakeCluster) -> None:
    assert shell.run("weights")[1].startswith("no role is in use yet")
    cluster.add_role("ads")
    assert shell.run("weights") == shell.run("weights", "list") == (0, "ROLE  WEIGHT\nads        2\n", "")
    assert shell.json("weights") == (0, [{"role": "ads", "weight": "2"}])
    assert shell.run("weights", "set", "ads", "3.5") == (0, "role ads has weight 3.5\n", "")
    assert cluster.door.asked == [SetWeights((("ads", "3.5"),))]


@pytest.mark.parametrize("argv", [("ads", "0"), ("ads", "much"), ("a b", "1"), ("ads",)])
def test_what_is_no_weight_is_refused_before_the_master_is_asked(
    shell: Shell, cluster: FakeCluster, argv: tuple[str, ...]
) -> None:
    code, out, err = shell.run("weights", "set", *argv)
    assert (code, out, err.count("\n"), cluster.door.asked) == (2, "", 1, [])


def test_a_quota_is_set_removed_and_listed(shell: Shell, cluster: FakeCluster) -> None:
    assert shell.run("quota")[1] == "no role has a quota\n"
    code, out, _ = shell.run("quota", "set", "ads", "--guarantee", "cpus:4;mem:8192", "--limit", "cpus:8", "--force")
    assert (code, out) == (0, "role ads: guarantee cpus:4;mem:8192, limit cpus:8\n")
    assert shell.run("quota", "remove", "ads")[0] == 0
    assert cluster.door.asked == [
        SetQuotas((Quota("ads", (("cpus", 4000), ("mem", 8_192_000)), (("cpus", 8000),)),), force=True),
        SetQuotas((Quota("ads"),)),
    ]
    cluster.add_role("eng")
    cluster.add_role("ads", guarantee=(("cpus", 4000),))
    cluster.add_task("ads")
    assert shell.run("quota")[1].splitlines() == [
        "ROLE  GUARANTEE  LIMIT  OFFERED  USED",
        "ads   cpus:4     -      -        cpus:0.5",
    ]
    assert [row["role"] for row in shell.json("quota", "list")[1]] == ["ads"]


def test_a_quota_that_cannot_be_met_ends_with_5_and_the_numbers(shell: Shell, cluster: FakeCluster) -> None:
    cluster.door.refuses = QuotaRefused("guarantees of cpus:20 exceed the 16 there are")
    assert shell.run("quota", "set", "ads", "--guarantee", "cpus:20") == (
        5,
        "",
        "raymesos: guarantees of cpus:20 exceed the 16 there are\n",
    )


def test_a_quota_that_is_no_quantity_names_the_field(shell: Shell, cluster: FakeCluster) -> None:
    code, answer = shell.json("quota", "set", "ads", "--limit", "cpus:-1")
    assert (code, answer["field"], cluster.door.asked) == (2, "limit.cpus", [])


@pytest.mark.parametrize("argv", [("quota", "--json", "list"), ("weights", "--name", "x", "set", "ads", "1")])
def test_an_option_between_the_two_words_is_refused_and_not_lost(
    shell: Shell, cluster: FakeCluster, argv: tuple[str, ...]
) -> None:
    assert shell.run(*argv)[0] == 2 and cluster.door.asked == []


def test_the_history_is_rows_for_people_and_points_for_a_plot(shell: Shell, cluster: FakeCluster) -> None:
    assert shell.run("roles", "--history")[1] == "no role has had a share yet\n"
    cluster.add_role("ads", entitled=(1, 2))
    code, points = shell.json("roles", "--history")
    assert (code, points) == (0, {"ads": [[NOW_MS, 0.25, 0.5]]})
    assert shell.run("roles", "--history")[1].splitlines()[1].split()[-4:] == ["25", "%", "50", "%"]


def test_explain_tells_a_role_a_framework_and_a_job_of_one_name_apart(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent(total="cpus:99;mem:9999")
    cluster.add_job("ads")
    cluster.add_role("ads")
    cluster.add_task("ads")
    cluster.tell(FrameworkNote(NOW_MS, "F9", "ads", ("ads",), "active"))
    reason = WaitReason("limit", role="ads", quantities=(("cpus", 0),))
    cluster.tell(WaitNote(NOW_MS, "F9", "ads", "limit", reasons=(reason,)))
    assert shell.run("explain", "ads")[1].startswith("job ads (ads-0) in role ads: waiting\n")
    code, out, _ = shell.run("explain", "ads", "--kind", "framework")
    assert (code, out) == (
        0,
        "framework ads (F9) in role ads: waiting\n  - the limit of role ads is reached for cpus\n",
    )
    assert shell.run("explain", "ads", "--kind", "role")[1].startswith(
        "role ads: waiting\n  - framework ads: the limit"
    )
    assert shell.run("explain", "F9")[1] == out
    assert shell.run("explain", "ads", "--kind", "agent")[0] == 2
    code, answer = shell.json("explain", "nobody")
    assert (code, answer) == (
        3,
        {"error": "no job, service, framework or role 'nobody'", "field": "job, service, framework or role"},
    )
