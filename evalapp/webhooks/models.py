"""Webhook endpoints and their pending and past deliveries."""

from __future__ import annotations

import base64
import secrets
import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from evalapp.webhooks.domain.signatures import PREFIX


def new_secret() -> str:
    """256 random bits as Standard Webhooks write them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


class Webhook(models.Model):
    """An address and the events it wants. `secret` signs what is sent, so that the receiver can tell who sent it.

    One that is not live may belong to anybody: of an open study it hears what was published.
    """

    url = models.URLField(max_length=500)
    events = ArrayField(models.CharField(max_length=40))
    secret = models.CharField(max_length=64, default=new_secret)
    active = models.BooleanField(default=True)
    is_live = models.BooleanField(
        default=False, db_default=False, help_text="Only operators read it: told at once what is not published yet."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One event for one address: tried until it is taken or given up."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    name = models.UUIDField(default=uuid.uuid4, unique=True, editable=False, help_text="The same at every attempt.")
    event = models.CharField(max_length=40)
    payload = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now, null=True, blank=True, help_text="Empty when it has ended.")
    delivered_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=("due_at",), condition=models.Q(due_at__isnull=False), name="deliveries_due")]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook_id}"

    @property
    def state(self) -> str:
        """`delivered`, `given up` or `waiting`."""
        if self.delivered_at is not None:
            return "delivered"
        return "given up" if self.due_at is None else "waiting"
