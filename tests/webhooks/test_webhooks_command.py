"""Webhooks by command: added, tried, listed, removed."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from evalapp.webhooks.models import Delivery, Webhook

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_one_is_added_tried_listed_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("webhooks", add="https://example.org/hook", events=["study.closed"])
    hook = Webhook.objects.get()
    assert hook.secret in capsys.readouterr().out
    call_command("webhooks", ping=hook.pk)
    assert Delivery.objects.get().event == "ping"
    assert "https://example.org/hook" in capsys.readouterr().out
    call_command("webhooks", remove=hook.pk)
    assert not Webhook.objects.exists()


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(CommandError):
        call_command("webhooks", add="nonsense")
