"""The operators' page of webhooks follows deliveries that are still on their way."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from evalapp.webhooks.models import Delivery, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_the_page_renews_itself_while_a_delivery_waits_and_then_rests(admin_client: Client) -> None:
    hook = Webhook.objects.create(url="https://example.org/hook", events=["study.closed"])
    delivery = Delivery.objects.create(webhook=hook, event="study.closed", payload={}, due_at=timezone.now())

    def page() -> str:
        return admin_client.get("/lab/webhooks/").content.decode()

    assert '<div id="deliveries" data-live data-busy>' in page()
    Delivery.objects.filter(pk=delivery.pk).update(delivered_at=timezone.now())
    assert '<div id="deliveries" data-live>' in page()
