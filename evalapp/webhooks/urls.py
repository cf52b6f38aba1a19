"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.webhooks import pages

urlpatterns: list[URLPattern] = [
    path("lab/webhooks/", pages.webhooks_page, name="lab-webhooks"),
    path("lab/webhooks/add/", pages.add_webhook, name="webhook-add"),
    path("lab/webhooks/<int:webhook_id>/remove/", pages.remove_webhook, name="webhook-remove"),
    path("lab/webhooks/<int:webhook_id>/ping/", pages.ping_webhook, name="webhook-ping"),
]
