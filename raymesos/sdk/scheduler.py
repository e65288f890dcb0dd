"""The callbacks of a framework, by Mesos' names and with Mesos' meaning. `driver` is the driver that runs it: what a scheduler does, it does through that."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from raymesos.errors import Conflict
from raymesos.frameworks.custom.machine import Callback
from raymesos.sdk.operations import OperationStatus, operation_status_of
from raymesos.sdk.values import InverseOffer, Offer, TaskStatus, inverse_offer_of, offer_of, status_of
from raymesos.wire.messages import (
    Failure,
    FrameworkError,
    FrameworkUpdated,
    FromExecutor,
    InverseOffers,
    Offers,
    OperationUpdate,
    Rescind,
    RescindInverse,
    Subscribed,
    Update,
)

if TYPE_CHECKING:
    from raymesos.sdk.driver import Driver


class Scheduler:
    """Subclass it and override what you need. All callbacks come one after another in one thread; an exception in one aborts the driver."""

    def subscribed(self, driver: Driver, framework_id: str) -> None:
        """The master has taken us in: for the first time, or again after it or we were away. Offers and filters of before are gone."""

    def resource_offers(self, driver: Driver, offers: list[Offer]) -> None:
        """Resources for us. Each offer is to be accepted or declined: by default all are declined, for 5 seconds."""
        driver.decline_offer(offers)

    def offer_rescinded(self, driver: Driver, offer_id: str) -> None:
        """The offer is void. Launches on it would come back as dropped."""

    def inverse_offers(self, driver: Driver, offers: list[InverseOffer]) -> None:
        """Agents on which we hold something will be unavailable, and we are asked to leave them in time. By default nobody answers, which changes nothing."""

    def inverse_offer_rescinded(self, driver: Driver, offer_id: str) -> None:
        """We need not leave for that any more, or are asked anew."""

    def status_update(self, driver: Driver, status: TaskStatus) -> None:
        """Something became of a task. The same update may come more than once, those of one task in order; acknowledged on return unless that is ours to do."""

    def operation_status(self, driver: Driver, status: OperationStatus) -> None:
        """What became of an operation with an id. It may come more than once; acknowledged on return unless that is ours to do."""

    def framework_message(self, driver: Driver, executor_id: str, agent_id: str, data: bytes) -> None:
        """An executor sent `data`. Best effort."""

    def agent_lost(self, driver: Driver, agent_id: str) -> None:
        """The agent is gone or cannot be reached. Its tasks have updates of their own. Best effort."""

    def executor_lost(self, driver: Driver, executor_id: str, agent_id: str, exit_status: int | None) -> None:
        """The executor ended; 0 if it was wanted, None if nobody knows the status. Its tasks have updates of their own. Best effort."""

    def framework_updated(self, driver: Driver, error: str) -> None:
        """The answer to `update_framework`: carried out, or refused with `error`, and then nothing has changed."""

    def error(self, driver: Driver, message: str) -> None:
        """The master ended the subscription, and the driver ends after this. By default raises Conflict, which the driver's `join` shows."""
        raise Conflict(f"the master ended the subscription: {message}")


def tell(scheduler: Scheduler, driver: Driver, callback: Callback) -> None:
    """Call the scheduler. Raises what it raises."""
    match callback:
        case Subscribed(framework_id):
            scheduler.subscribed(driver, framework_id)
        case Offers(offers):
            scheduler.resource_offers(driver, [offer_of(offer) for offer in offers])
        case Rescind(offer_id):
            scheduler.offer_rescinded(driver, offer_id)
        case InverseOffers(inverse):
            scheduler.inverse_offers(driver, [inverse_offer_of(offer) for offer in inverse])
        case RescindInverse(offer_id):
            scheduler.inverse_offer_rescinded(driver, offer_id)
        case Update(status):
            told = status_of(status)
            scheduler.status_update(driver, told)
            if driver.implicit_acknowledgements:
                driver.acknowledge(told)
        case OperationUpdate(outcome):
            became = operation_status_of(outcome)
            scheduler.operation_status(driver, became)
            if driver.implicit_acknowledgements:
                driver.acknowledge_operation(became)
        case FromExecutor(agent_id, executor_id, data):
            scheduler.framework_message(driver, executor_id, agent_id, data)
        case Failure(agent_id, executor_id, exit_status):
            if executor_id:
                scheduler.executor_lost(driver, executor_id, agent_id, exit_status)
            else:
                scheduler.agent_lost(driver, agent_id)
        case FrameworkUpdated(error):
            scheduler.framework_updated(driver, error)
        case FrameworkError(text):
            scheduler.error(driver, text)
        case _:
            assert_never(callback)
