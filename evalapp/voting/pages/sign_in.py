"""Operators come in, go out, and change their password. Visitors never need an account."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from evalapp.voting.domain.rate_limits import sign_ins
from evalapp.voting.queries.voter_identity import address_of

MOST_PER_MINUTE = 10
"""Tries of one address, and with one name, in each web process."""


class SignInForm(AuthenticationForm):
    """Name and password of an operator."""

    def confirm_login_allowed(self, user: User) -> None:
        """Refuse accounts that may not use the lab: they would be sent back here from every page of it."""
        super().confirm_login_allowed(user)
        if not user.is_staff:
            raise forms.ValidationError(_("This account is not an operator’s."), code="not_operator")


@method_decorator(never_cache, name="dispatch")
class SignIn(views.LoginView):
    """`/sign-in/?next=…`: back to where the operator wanted to go, else to the lab."""

    template_name = "voting/sign_in.html"
    authentication_form = SignInForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A try too many is answered without a look at the password, right or wrong."""
        name = request.POST.get("username", "")[:150].casefold()
        tries = (f"address/{address_of(request)}", f"name/{name}")
        if not all(sign_ins.take(key, 1, MOST_PER_MINUTE) for key in tries):
            message = _("Too many tries. Please wait a minute.")
            answer = self.render_to_response(
                self.get_context_data(form=self.authentication_form(request), told=message)
            )
            answer.status_code = 429
            answer["Retry-After"] = "60"
            return answer
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """The same page, with a status that says that nobody came in."""
        return self.render_to_response(self.get_context_data(form=form), status=400)


class ChangePassword(views.PasswordChangeView):
    """An operator's own password; other sessions of theirs end."""

    template_name = "voting/password.html"
    success_url = reverse_lazy("lab")

    def form_valid(self, form: Any) -> HttpResponse:
        """Said in the lab."""
        messages.success(self.request, "Your password is changed. You are signed out everywhere else.")
        return super().form_valid(form)


@require_http_methods(["GET", "HEAD", "POST"])
def from_admin(request: HttpRequest) -> HttpResponseBase:
    """`/admin/login/`, where every page of the lab sends those who are not signed in: there is one place to do it."""
    next_address = request.GET.get("next", "") or reverse("lab")
    return redirect(f"{reverse('sign-in')}?{urlencode({'next': next_address})}")
