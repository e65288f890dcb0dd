"""What a scheduler is told: messages of the wire as events of the v1 API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, assert_never

import orjson

from raymesos.http.mesos.amounts import attributes_json, endpoint_resources_json, resources_json
from raymesos.http.mesos.infos import operation_status_json, task_status_json
from raymesos.http.mesos.seat import Heartbeat
from raymesos.http.mesos.values import Row, bytes_json, domain_json, id_json, unavailability_json
from raymesos.model.resources import Resources
from raymesos.wire.messages import (
    Failure,
    FrameworkError,
    FrameworkEvent,
    FromExecutor,
    InverseOffer,
    InverseOffers,
    Offer,
    Offers,
    OperationUpdate,
    Rescind,
    RescindInverse,
    Subscribed,
    Update,
)

Event = FrameworkEvent | Heartbeat


@dataclass(frozen=True, slots=True)
class Place:
    """What an offer says of its agent beside what the master does. `url` is None while nobody knows its address."""

    url: Row | None = None
    region: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known here and not in the messages. Both are asked with ids."""

    master_info: Callable[[str], Row]
    place: Callable[[str], Place]
    refined: bool = True
    """The framework understands stacks of reservations; others are shown roles and reservations in the older way. (RESERVATION_REFINEMENT)"""
    multi_role: bool = True
    """The framework is told for which of its roles something is. (MULTI_ROLE)"""


def event_bytes(event: Event, known: Known) -> bytes:
    return orjson.dumps(event_json(event, known))


def error_event(text: str) -> bytes:
    """The event after which there is none."""
    return orjson.dumps({"type": "ERROR", "error": {"message": text}})


def event_json(event: Event, known: Known) -> Row:
    match event:
        case Update(status):
            return {"type": "UPDATE", "update": {"status": task_status_json(status)}}
        case Offers(offers):
            return {"type": "OFFERS", "offers": {"offers": [_offer(offer, known) for offer in offers]}}
        case Heartbeat():
            return {"type": "HEARTBEAT"}
        case Rescind(offer_id):
            return {"type": "RESCIND", "rescind": {"offer_id": id_json(offer_id)}}
        case Subscribed():
            return {"type": "SUBSCRIBED", "subscribed": _subscribed(event, known)}
        case OperationUpdate(status):
            return {
                "type": "UPDATE_OPERATION_STATUS",
                "update_operation_status": {"status": operation_status_json(status)},
            }
        case InverseOffers(offers):
            return {
                "type": "INVERSE_OFFERS",
                "inverse_offers": {"inverse_offers": [_inverse_offer(offer, known) for offer in offers]},
            }
        case RescindInverse(offer_id):
            return {"type": "RESCIND_INVERSE_OFFER", "rescind_inverse_offer": {"inverse_offer_id": id_json(offer_id)}}
        case FromExecutor(agent_id, executor_id, data):
            said = {"agent_id": id_json(agent_id), "executor_id": id_json(executor_id), "data": bytes_json(data)}
            return {"type": "MESSAGE", "message": said}
        case Failure():
            return {"type": "FAILURE", "failure": _failure(event)}
        case FrameworkError(text):
            return {"type": "ERROR", "error": {"message": text}}
        case _:
            assert_never(event)


def _subscribed(event: Subscribed, known: Known) -> Row:
    return {
        "framework_id": id_json(event.framework_id),
        "heartbeat_interval_seconds": event.heartbeat_ms / 1000,
        "master_info": known.master_info(event.master_id),
    }


def _offer(offer: Offer, known: Known) -> Row:
    role = offer.role if known.multi_role else ""
    return offer_json(offer, known.place(offer.agent_id), _resources(offer.resources, role, known), role)


def offer_json(offer: Offer, place: Place, resources: Any, role: str) -> Row:
    """`resources` are those of the offer as its reader is to see them; `role` is empty for one who is not told."""
    row: Row = {
        "id": id_json(offer.id),
        "framework_id": id_json(offer.framework_id),
        "agent_id": id_json(offer.agent_id),
        "hostname": offer.hostname,
    }
    if place.url is not None:
        row["url"] = place.url
    if place.region:
        row["domain"] = domain_json(place.region, place.zone)
    row["resources"] = resources
    attributes = attributes_json(offer.attributes)
    if attributes:
        row["attributes"] = attributes
    if offer.executor_ids:
        row["executor_ids"] = [id_json(each) for each in offer.executor_ids]
    if offer.unavailability is not None:
        row["unavailability"] = unavailability_json(offer.unavailability)
    if role:
        row["allocation_info"] = {"role": role}
    return row


def _resources(resources: Resources, role: str, known: Known) -> list[Row]:
    if known.refined:
        return resources_json(resources, allocated_to=role)
    rows = endpoint_resources_json(resources, allocated_to=role)
    for row in rows:
        row.pop("reservations", None)
    return rows


def _inverse_offer(offer: InverseOffer, known: Known) -> Row:
    place = known.place(offer.agent_id)
    row: Row = {"id": id_json(offer.id)}
    if place.url is not None:
        row["url"] = place.url
    row |= {
        "framework_id": id_json(offer.framework_id),
        "agent_id": id_json(offer.agent_id),
        "unavailability": unavailability_json(offer.unavailability),
    }
    if offer.resources:
        row["resources"] = _resources(offer.resources, "", known)
    return row


def _failure(event: Failure) -> Row:
    row: Row = {"agent_id": id_json(event.agent_id)}
    if event.executor_id:
        row["executor_id"] = id_json(event.executor_id)
    if event.exit_status is not None:
        row["status"] = event.exit_status
    return row
