from __future__ import annotations

from django.conf import LazySettings

from evalapp.config.checks import embedded_services, unsafe_settings


def _ids(messages: list) -> list[str]:  # type: ignore[type-arg]
    return [message.id for message in messages]


def test_one_machine_with_nothing_set_is_safe_and_says_what_is_embedded(settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = settings.LOCAL_HOSTS
    settings.DATABASE_URL = None
    settings.BROKER_IS_EMBEDDED = True
    assert unsafe_settings() == []
    assert _ids(embedded_services()) == ["don.I001", "don.I002"]


def test_debug_in_public_is_an_error(settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = [*settings.LOCAL_HOSTS, "swipe.example.org"]
    settings.DEBUG, settings.HTTPS = True, True
    assert _ids(unsafe_settings()) == ["don.E001"]


def test_a_public_name_without_https_is_warned_of(settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = [*settings.LOCAL_HOSTS, "swipe.example.org"]
    settings.DEBUG, settings.HTTPS = False, False
    assert _ids(unsafe_settings()) == ["don.W001"]


def test_a_short_secret_key_is_an_error(settings: LazySettings) -> None:
    settings.SECRET_KEY = "short"
    assert "don.E002" in _ids(unsafe_settings())


def test_services_of_ones_own_are_not_called_embedded(settings: LazySettings) -> None:
    settings.DATABASE_URL = "postgresql://db/x"
    settings.BROKER_IS_EMBEDDED = False
    assert embedded_services() == []
