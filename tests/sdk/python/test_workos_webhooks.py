"""Webhook endpoints, and webhooks that are delivered to this machine and verified by the SDK of WorkOS."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import ids, within
from receiver import Receiver, receiving
from workos import ConflictError, NotFoundError, UnprocessableEntityError
from workos.common.models import DsyncUserCreated, GroupCreated

# A webhook follows its event at once; the rest is for a busy machine.
SECONDS = 20


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def endpoint(workos: Any, receiver: Receiver) -> Iterator[Any]:
    """An endpoint for the groups that are made and for people in directories."""
    names = ["group.created", "dsync.user.created"]
    endpoint = workos.webhooks.create_webhook_endpoint(endpoint_url=receiver.url, events=names)
    yield endpoint
    workos.webhooks.delete_webhook_endpoint(endpoint.id)


def created(workos: Any, group: Any) -> str:
    """The id of the event of a group that was made."""
    events = workos.events.list_events(events=["group.created"], organization_id=group.organization_id, limit=100)
    return next(event.id for event in events.data if event.data.id == group.id)


def test_endpoints_are_made_listed_changed_and_deleted(workos: Any, unique: str) -> None:
    hooks = workos.webhooks
    urls = [f"http://127.0.0.1:1/{unique}/{number}" for number in range(3)]
    made = [hooks.create_webhook_endpoint(endpoint_url=url, events=["user.created", "group.created"]) for url in urls]
    for endpoint, url in zip(made, urls, strict=True):
        assert endpoint.id.startswith("we_") and endpoint.secret.startswith("whsec_")
        assert (endpoint.endpoint_url, endpoint.status) == (url, "enabled")
        assert sorted(endpoint.events) == ["group.created", "user.created"]
    assert len({endpoint.secret for endpoint in made}) == 3
    pages = hooks.list_webhook_endpoints(limit=1)
    assert len(pages.data) == 1
    assert list(pages.auto_paging_iter())[:3] == made[::-1], "with their secrets, newest first"

    update = hooks.update_webhook_endpoint
    disabled = update(made[0].id, status="disabled")
    assert (disabled.status, disabled.endpoint_url, disabled.secret) == ("disabled", urls[0], made[0].secret)
    moved = update(made[0].id, endpoint_url=f"{urls[0]}/new", events=["group.deleted"])
    assert (moved.status, moved.endpoint_url, moved.events) == ("disabled", f"{urls[0]}/new", ["group.deleted"])
    assert update(made[0].id, status="enabled").status == "enabled"

    for endpoint in made:
        hooks.delete_webhook_endpoint(endpoint.id)
        for gone in (hooks.delete_webhook_endpoint, hooks.update_webhook_endpoint):
            with pytest.raises(NotFoundError) as refused:
                gone(endpoint.id)
            assert refused.value.code == "entity_not_found"
    assert not set(ids(made)) & set(ids(hooks.list_webhook_endpoints(limit=100).data))


def test_an_endpoint_that_makes_no_sense_is_refused(workos: Any, endpoint: Any, unique: str) -> None:
    create = workos.webhooks.create_webhook_endpoint
    with pytest.raises(ConflictError) as refused:
        create(endpoint_url=endpoint.endpoint_url, events=["group.created"])
    assert refused.value.code == "duplicate_endpoint"
    for url in ("nonsense", "ftp://corp.example/hook"):
        with pytest.raises(UnprocessableEntityError) as refused:
            create(endpoint_url=url, events=["group.created"])
        assert refused.value.code == "invalid_url"
    with pytest.raises(UnprocessableEntityError) as refused:
        create(endpoint_url=f"http://127.0.0.1:1/{unique}", events=["group.created", "group.exploded"])
    assert refused.value.code == "invalid_request_parameters"
    assert [error["code"] for error in refused.value.errors] == ["unknown_event_type"]
    with pytest.raises(UnprocessableEntityError):
        create(endpoint_url=f"http://127.0.0.1:1/{unique}", events=[])


def test_a_webhook_arrives_and_is_verified(
    workos: Any, endpoint: Any, receiver: Receiver, organization: Any, directory: Any
) -> None:
    group = workos.groups.create_organization_group(organization.id, name="Engineering")
    workos.groups.update_organization_group(organization.id, group.id, name="Research")
    directory.user("ada@corp.example")
    (delivery,) = within(SECONDS, "the webhook", lambda: receiver.of(created(workos, group)))
    assert delivery.content_type == "application/json"
    event = workos.webhooks.verify_event(
        event_body=delivery.body, event_signature=delivery.signature, secret=endpoint.secret
    )
    assert isinstance(event, GroupCreated) and event.object == "event"
    assert event.data == group, "as it was when it was made"
    (listed,) = workos.events.list_events(events=["group.created"], organization_id=organization.id).data
    assert listed == event, "the feed and the webhook tell the same"

    def pushed() -> list[Any]:
        return [delivery for delivery in receiver.deliveries if delivery.event["event"] == "dsync.user.created"]

    delivery = within(SECONDS, "the webhook of the push", pushed)[0]
    event = workos.webhooks.verify_event(
        event_body=delivery.body, event_signature=delivery.signature, secret=endpoint.secret
    )
    assert isinstance(event, DsyncUserCreated) and event.data.email == "ada@corp.example"
    names = {delivery.event["event"] for delivery in receiver.deliveries}
    assert names <= {"group.created", "dsync.user.created"}, "nothing that the endpoint did not ask for"


def test_what_was_tampered_with_or_is_old_is_refused(
    workos: Any, endpoint: Any, receiver: Receiver, group: Any
) -> None:
    (delivery,) = within(SECONDS, "the webhook", lambda: receiver.of(created(workos, group)))
    verify = workos.webhooks.verify_event

    def signed(milliseconds: int) -> str:
        message = f"{milliseconds}.".encode() + delivery.body
        return f"t={milliseconds}, v1={hmac.new(endpoint.secret.encode(), message, hashlib.sha256).hexdigest()}"

    body, signature, secret = delivery.body, delivery.signature, endpoint.secret
    tampered = body.replace(b"Engineering", b"Everybody")
    assert tampered != body
    with pytest.raises(ValueError, match="does not match"):
        verify(event_body=tampered, event_signature=signature, secret=secret)
    with pytest.raises(ValueError, match="does not match"):
        verify(event_body=body, event_signature=signature, secret="whsec_wrong")
    now = int(time.time() * 1000)
    assert verify(event_body=body, event_signature=signed(now), secret=secret).data.id == group.id
    for distance in (-181_000, 185_000):
        with pytest.raises(ValueError, match="tolerance"):
            verify(event_body=body, event_signature=signed(now + distance), secret=secret)


def test_a_webhook_that_was_refused_comes_again(
    workos: Any, endpoint: Any, receiver: Receiver, organization: Any
) -> None:
    receiver.answers.append(503)
    group = workos.groups.create_organization_group(organization.id, name="Engineering")
    event = created(workos, group)

    def both() -> list[Any]:
        return receiver.of(event) if len(receiver.of(event)) > 1 else []

    first, second = within(60, "the second attempt", both)
    assert first.body == second.body
    for delivery in (first, second):
        workos.webhooks.verify_event(
            event_body=delivery.body, event_signature=delivery.signature, secret=endpoint.secret
        )


def test_a_disabled_endpoint_receives_nothing_until_it_is_enabled(
    workos: Any, endpoint: Any, receiver: Receiver, organization: Any
) -> None:
    update = workos.webhooks.update_webhook_endpoint
    update(endpoint.id, status="disabled")
    group = workos.groups.create_organization_group(organization.id, name="Engineering")
    event = created(workos, group)
    with receiving() as witness:
        hooks = workos.webhooks
        second = hooks.create_webhook_endpoint(endpoint_url=witness.url, events=["group.created"])
        later = created(workos, workos.groups.create_organization_group(organization.id, name="Research"))
        within(SECONDS, "the webhook of the other endpoint", lambda: witness.of(later))
        hooks.delete_webhook_endpoint(second.id)
    assert receiver.deliveries == []
    update(endpoint.id, status="enabled")
    within(SECONDS, "the webhook that waited", lambda: receiver.of(event))
