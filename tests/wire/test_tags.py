"""The numbers under which messages travel. A number is never given to another message, and never changed: journals and peers know it."""

from __future__ import annotations

import pytest
from message_values import name_by_tag

from raymesos.errors import InvariantBroken
from raymesos.wire.registry import class_of, message, tag_of

# A message that is new gets a line here; one that is gone keeps its line, marked as GONE, so that its number stays unused.
GOLDEN = {
    1: "Subscribe",
    2: "UpdateFramework",
    3: "Teardown",
    4: "Accept",
    5: "Decline",
    6: "Revive",
    7: "Suppress",
    8: "Kill",
    9: "Acknowledge",
    10: "Reconcile",
    11: "ToExecutor",
    12: "ShutdownExecutor",
    13: "AcknowledgeOperation",
    14: "ReconcileOperations",
    15: "AcceptInverse",
    16: "DeclineInverse",
    20: "Subscribed",
    21: "Offers",
    22: "Rescind",
    23: "Update",
    24: "FromExecutor",
    25: "Failure",
    26: "FrameworkError",
    27: "OperationUpdate",
    28: "InverseOffers",
    29: "RescindInverse",
    30: "Launch",
    31: "LaunchGroup",
    32: "Reserve",
    33: "Unreserve",
    34: "Create",
    35: "Destroy",
    36: "Grow",
    37: "Shrink",
    38: "FrameworkUpdated",
    40: "AllocatorReset",
    41: "AgentAdded",
    42: "AgentChanged",
    43: "AgentRemoved",
    44: "AgentActivated",
    45: "AgentDeactivated",
    46: "FrameworkAdded",
    47: "FrameworkChanged",
    48: "FrameworkActivated",
    49: "FrameworkDeactivated",
    50: "FrameworkRemoved",
    51: "ReviveRoles",
    52: "SuppressRoles",
    53: "Recover",
    54: "WeightsChanged",
    60: "AllocatorReady",
    61: "Allocations",
    70: "RegisterAgent",
    71: "ReregisterAgent",
    72: "AgentRegistered",
    73: "AgentRefused",
    74: "UnregisterAgent",
    75: "Ping",
    76: "Pong",
    77: "RunTasks",
    78: "KillTask",
    79: "StatusUpdate",
    80: "StatusAcknowledged",
    81: "ShutdownFramework",
    82: "ExecutorMessage",
    83: "ExecutorExited",
    84: "ShutdownOneExecutor",
    85: "Leave",
    90: "StartExecutor",
    91: "StopExecutor",
    92: "ExecutorLost",
    93: "ExecutorSubscribe",
    94: "ExecutorSubscribed",
    95: "LaunchTasks",
    96: "KillLaunched",
    97: "ExecutorUpdate",
    98: "ExecutorAcknowledged",
    99: "ShutdownExecutorNow",
    100: "ExecutorReconnect",
    110: "StartWork",
    111: "StopWork",
    112: "WorkStarted",
    113: "WorkEnded",
    114: "ForgetWork",
    130: "SetWeights",
    131: "OperatorAnswer",
    132: "SetQuotas",
    133: "Operate",
    134: "DrainAgent",
    135: "DeactivateAgent",
    136: "ReactivateAgent",
    137: "MarkAgentGone",
    138: "ScheduleMaintenance",
    139: "StartMaintenance",
    140: "StopMaintenance",
    150: "MasterStarted",
    151: "AgentAdmitted",
    152: "AgentUnreachable",
    153: "AgentReachable",
    154: "AgentGone",
    155: "FrameworkIdGiven",
    156: "FrameworkIdBurnt",
    157: "WeightsSet",
    158: "AgentIdKept",
    159: "ExecutorKept",
    160: "ExecutorDropped",
    180: "ChunkWork",
    181: "CommandWork",
    182: "CommandsWork",
    183: "ResidentWork",
    184: "WorkReport",
    185: "WorkReportTaken",
    200: "AgentNote",
    201: "FrameworkNote",
    202: "TaskNote",
    203: "OffersNote",
    204: "ShareNote",
    205: "WaitNote",
    206: "PassNote",
    207: "JobNote",
    208: "EventNote",
    209: "MetricsNote",
    220: "Submit",
    221: "JobAccepted",
    222: "JobRefused",
    223: "CancelJob",
    224: "CancelAnswered",
    225: "ForgetJobs",
    226: "JobsForgotten",
    261: "JobKept",
    262: "ReportTaken",
    263: "InputsCharged",
    264: "CancelAsked",
    265: "JobEnded",
    266: "SubscriptionKept",
    267: "LifeBegan",
    268: "PartsKept",
    269: "ChargesKept",
}
GONE: dict[int, str] = {}


def test_every_message_travels_under_its_own_number_for_ever() -> None:
    assert name_by_tag() == GOLDEN
    assert not GOLDEN.keys() & GONE.keys()


def test_a_taken_number_is_refused() -> None:
    with pytest.raises(InvariantBroken, match="tag 1 of Second is taken by Subscribe"):

        @message(1)
        class Second:
            pass

    assert class_of(1).__name__ == "Subscribe"  # type: ignore[union-attr]


def test_a_class_without_a_number_has_none() -> None:
    assert tag_of(str) is None
    assert class_of(0) is None
    assert class_of(10_000) is None
