"""Accounts that may use the lab."""

from __future__ import annotations

import secrets

from django.contrib.auth import get_user_model, password_validation
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from rest_framework.authtoken.models import Token

from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.services.deeds import recorded


@recorded("made", "operator {name}")
def create_operator(name: str, password: str | None = None) -> tuple[User, str]:
    """An operator, and the password: the given one, or one that is made up here.

    Raises InvalidInput for a name or a password that will not do, Conflict for a name that is taken.
    """
    users = get_user_model()
    user = users(username=name, is_staff=True, is_superuser=True)
    new_password = password or secrets.token_urlsafe(9)
    try:
        user.full_clean(exclude=["password"], validate_unique=False)
        if password:
            password_validation.validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages)) from error
    if users.objects.filter(username=name).exists():
        raise Conflict(
            f"There is an operator {name} already; change the password with: manage.py changepassword {name}"
        )
    user.set_password(new_password)
    user.save()
    return user, new_password


@recorded("made token", "operator {user}")
def make_token(user: User) -> str:
    """The operator's token for the API, a new one: the one before is no longer good."""
    with transaction.atomic():
        Token.objects.filter(user=user).delete()
        return str(Token.objects.create(user=user).key)
