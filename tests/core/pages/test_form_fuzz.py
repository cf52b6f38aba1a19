"""Every form of every page with generated values, sent by an operator and by a stranger: nothing is our failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from evalapp.leaderboard.services import take_snapshot
from tests import cast
from tests.architecture.walk_pages import walk
from tests.attacks import note, sized
from tests.search.shop import shop_index

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]

_ODD = (
    "", "0", "-1", "1e999", "nan", "9" * 5000, "2147483648", "\0", "a\0b", "é", "'\"<b>{{x}}%s",
    "x" * 5000, "../../etc/passwd", "http://[", "//elsewhere.example/", "on", "true", "１２", "2026-02-30T25:61",
)  # fmt: skip
_EXAMPLES = sized(3, 20)
_ELSEWHERE = ("/admin/", "/api/", "/static/")


@dataclass
class Form:
    """A form as it stands on a page: where it is sent, and its fields with the values one can choose among."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self.found: list[Form] = []
        self._by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self._choice = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self._address, words.get("action", ""))
            self._open = Form(action, words.get("method", "get").lower())
            self.found.append(self._open)
        elif tag in ("input", "select", "textarea", "button") and self._open and "name" in words:
            self._open.fields.setdefault(words["name"], [])
            if words.get("value"):
                self._open.fields[words["name"]].append(words["value"])
            self._choice = words["name"] if tag == "select" else self._choice
        elif tag == "option" and self._open and self._choice:
            self._open.fields[self._choice].append(words.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._choice = ""


@pytest.fixture
def _things(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that is open, an index, a snapshot: something behind every address; and no worker."""
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *_, **__: None)
    study = cast.open_study()
    cast.play(cast.browser_of(cast.ada()), study, 4)
    take_snapshot(study)
    shop_index()


def browser(who: str) -> Client:
    client = Client(raise_request_exception=False, headers={"host": "localhost"})
    if who == "operator":
        client.force_login(User.objects.create_superuser("olga"))
    return client


def addresses() -> list[str]:
    """Of pages, each once; whatever needs a slug has that of what is there."""
    found = [address for _, address in walk()]
    mine = [one for one in found if one.startswith("/") and not one.startswith(_ELSEWHERE) and "sign-out" not in one]
    catalogue = {one.replace("/match/", "/wardrobe/", 1) for one in mine if one.startswith("/lab/catalogues/")}
    search = {one.replace("/match/", "/shop/", 1) for one in mine if one.startswith(("/search/", "/lab/search/"))}
    return sorted({*mine, *catalogue, *search})


def values(form: Form) -> st.SearchStrategy[dict[str, list[str] | SimpleUploadedFile]]:
    """Odd texts, and what the form itself offers, so that some fields are right while another is not."""
    odd = st.sampled_from(_ODD) | st.text(st.characters(codec="utf-8"), max_size=20)
    file = st.builds(lambda data: SimpleUploadedFile("a.csv", data), st.binary(max_size=60))

    def of(offered: list[str]) -> st.SearchStrategy[list[str] | SimpleUploadedFile]:
        one = st.sampled_from(offered) | odd if offered else odd
        return st.lists(one, max_size=3) | file

    return st.fixed_dictionaries({}, optional={name: of(offered) for name, offered in form.fields.items()})


@pytest.mark.parametrize("who", ["operator", "stranger"])
@pytest.mark.usefixtures("_things")
def test_no_form_answers_generated_values_with_our_failure(who: str) -> None:
    operator = browser("operator")
    forms = list(_forms(operator))
    client = operator if who == "operator" else browser("stranger")
    statuses: dict[int, int] = {}
    failed: list[str] = []
    for form in forms:
        for status, told in _sent(client, form):
            statuses[status] = statuses.get(status, 0) + 1
            if status >= 500 and status != 503:
                failed.append(told)
    note(
        f"every form of every page, {_EXAMPLES} times with generated values: {who}",
        "no 500",
        f"{len(forms)} forms, {sum(statuses.values()):,} requests, {len(failed)} failures",
    )
    assert failed == []
    assert len({form.action for form in forms}) > 25, "the walk finds the lab's forms"
    assert statuses[302] > 20, statuses


def _forms(operator: Client) -> Iterator[Form]:
    known: set[tuple[str, str, tuple[str, ...]]] = set()
    for address in addresses():
        answer = operator.get(address)
        if answer.streaming or answer.status_code != 200 or "html" not in answer["Content-Type"]:
            continue
        parser = Forms(address)
        parser.feed(answer.content.decode())
        for form in parser.found:
            same = (form.action, form.method, tuple(sorted(form.fields)))
            if same not in known and "sign-out" not in form.action and not form.action.startswith(_ELSEWHERE):
                known.add(same)
                yield form


def _sent(client: Client, form: Form) -> list[tuple[int, str]]:
    answers: list[tuple[int, str]] = []

    @seed(1)
    @settings(
        max_examples=_EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(words=values(form))
    def send(words: dict[str, list[str] | SimpleUploadedFile]) -> None:
        if form.method == "post":
            answer = client.post(form.action, words)
        else:
            texts = {name: value for name, value in words.items() if isinstance(value, list)}
            answer = client.get(form.action, texts)
        b"".join(answer) if answer.streaming else answer.content
        answers.append((answer.status_code, f"{answer.status_code} {form.method} {form.action} {words!r:.300}"))

    send()
    return answers
