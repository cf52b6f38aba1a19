"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.webhooks import api

urlpatterns: list[URLPattern] = [
    path("webhooks/", api.WebhooksApi.as_view(), name="api-webhooks"),
    path("webhooks/<int:webhook_id>/", api.WebhookApi.as_view(), name="api-webhook"),
    path("webhooks/<int:webhook_id>/ping/", api.TryWebhookApi.as_view(), name="api-webhook-ping"),
]
