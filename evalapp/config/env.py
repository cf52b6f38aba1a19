"""Typed readers of environment variables.

Every variable the product reads goes through here, so the settings table of the README can be checked
against `KNOWN`. An empty value counts as not set; a value of the wrong type stops the start with one line.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

KNOWN: dict[str, str] = {}
"""Name of each variable that was read, and its default as the documentation shows it."""

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _read_raw(name: str, shown_default: str) -> str | None:
    KNOWN[name] = shown_default
    return os.environ.get(name, "").strip() or None


def env_str(name: str, default: str = "") -> str:
    """The variable as text."""
    return _read_raw(name, default) or default


def env_bool(name: str, *, default: bool = False) -> bool:
    """True for 1, true, yes, on; False for 0, false, no, off; anything else is refused."""
    value = _read_raw(name, str(default).lower())
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither true nor false; write true or false.")


def env_choice(name: str, default: str, choices: Sequence[str]) -> str:
    """One of a few words, whatever the size of their letters; anything else is refused with all of them."""
    value = _read_raw(name, default) or default
    for choice in choices:
        if value.lower() == choice.lower():
            return choice
    raise ImproperlyConfigured(f"{name}={value!r} is not understood; write {' or '.join(choices)}.")


def env_int(name: str, default: int, *, low: int = 0, high: int = 100_000_000) -> int:
    """A whole number from `low` to `high`."""
    value = _read_raw(name, str(default))
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from None
    if number < low:
        raise ImproperlyConfigured(f"{name}={number} is too small; the least is {low}.")
    if number > high:
        raise ImproperlyConfigured(f"{name}={number} is too large; the most is {high}.")
    return number


def env_number(name: str, default: float) -> float:
    """A number that is not negative."""
    value = _read_raw(name, f"{default:g}")
    if value is None:
        return default
    try:
        number = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a number.") from None
    if not 0 <= number < float("inf"):
        raise ImproperlyConfigured(f"{name}={value!r} must be 0 or more.")
    return number


def env_list(name: str, default: list[str]) -> list[str]:
    """Comma-separated values, blanks dropped."""
    value = _read_raw(name, ",".join(default))
    return default if value is None else [part.strip() for part in value.split(",") if part.strip()]


def env_path(name: str, default: Path) -> Path:
    """An absolute path."""
    value = _read_raw(name, default.name + "/")
    return Path(value).expanduser().resolve() if value else default


def env_folder(name: str, default: Path) -> Path:
    """An absolute path of a folder, which is made if it is not there; one that cannot be is refused."""
    folder = env_path(name, default)
    if not str(folder).isprintable():
        raise ImproperlyConfigured(f"{name}={str(folder)!r} has signs that cannot be printed; choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}={str(folder)!r} cannot be used: {error.strerror}.") from None
    return folder


def env_secret(name: str) -> str | None:
    """A secret from `NAME`, or from the file that `NAME_FILE` points to (container secrets)."""
    value = _read_raw(name, "")
    file = _read_raw(f"{name}_FILE", "")
    if value and file:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; set one of them.")
    if file:
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={file!r} cannot be read: {error.strerror}.") from None
        except ValueError:
            raise ImproperlyConfigured(f"{name}_FILE={file!r} holds no text.") from None
        if not secret:
            raise ImproperlyConfigured(f"{name}_FILE={file!r} is empty.")
        return secret
    return value
