"""`manage.py simulate_votes`: a crowd that is marked as such for ever."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from evalapp.catalog.models import Item
from evalapp.core.domain.errors import InvalidInput
from evalapp.studies.models import Pair, Study, StudyState
from evalapp.voting.domain.simulated_tastes import Taste, parse_taste
from evalapp.voting.models import Exposure, Vote, Voter
from evalapp.voting.pipeline.colour_similarity import Colours
from evalapp.voting.pipeline.simulation import simulate_votes
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study()


@pytest.mark.parametrize(
    ("words", "taste"),
    [
        ("category", Taste(0.9, 0.1)),
        ("category:0.8,0.3", Taste(0.8, 0.3)),
        ("colour", Taste(0.85, 0.15, by="colour")),
        ("outfit:0.8,0.4,0.1+noise:0.1", Taste(0.8, 0.1, 0.4, "outfit", noise=0.1)),
        ("random:0.25", Taste(0.25, 0.25)),
        ("random:1", Taste(1, 1)),
        ("category+noise:0.05", Taste(0.9, 0.1, noise=0.05)),
        ("category:0.8,0.3+spam:0.1+leniency:2", Taste(0.8, 0.3, leniency=2, spam=0.1)),
    ],
)
def test_tastes_are_read(words: str, taste: Taste) -> None:
    assert parse_taste(words) == taste


@pytest.mark.parametrize(
    "words",
    [
        "",
        "shape",
        "outfit:0.9,0.1",
        "random",
        "random:2",
        "random:a",
        "category:0.5",
        "category:1,-1",
        "noise:0.1",
        "category+salt:1",
        "category+noise",
        "category+noise:2",
        "category+noise:0.1+noise:0.1",
    ],
)
def test_other_words_are_no_taste(words: str) -> None:
    with pytest.raises(InvalidInput, match="is not a taste"):
        parse_taste(words)


def test_it_casts_as_many_votes_as_asked_and_marks_them(study: Study) -> None:
    out = io.StringIO()
    call_command("simulate_votes", "match", "--votes", "50", "--voters", "7", "--seed", "3", "--json", stdout=out)
    assert json.loads(out.getvalue())["votes"] == 50
    assert Vote.objects.filter(simulated=True).count() == Vote.objects.count() == 50
    assert sorted(voter.votes.count() for voter in Voter.objects.all()) == [7] * 6 + [8]
    assert Exposure.objects.filter(answered_at__isnull=True).count() == 0


def test_its_taste_shows(study: Study) -> None:
    simulate_votes(study, votes=200, voters=20, taste=Taste(1.0, 0.0), seed=1)
    for pair in Pair.objects.filter(slot__isnull=False).select_related("query__item", "candidate"):
        assert (pair.nope if cast.likes_matches(pair) == "dope" else pair.dope) == 0


def test_the_same_seed_says_the_same_of_the_same_pairs(study: Study) -> None:
    twin = cast.open_study("twin")
    said = []
    for one in (study, twin):
        Study.objects.filter(pk=one.pk).update(slug="same")
        one.slug = "same"
        simulate_votes(one, votes=40, voters=4, taste=parse_taste("category"), seed=9)
        votes = Vote.objects.filter(study=one).order_by("pk")
        said.append(list(votes.values_list("pair__query__position", "pair__slot", "verdict", "response_ms")))
        Study.objects.filter(pk=one.pk).update(slug=f"done-{one.pk}")
    assert said[0] == said[1]


def test_the_same_call_again_goes_on(study: Study) -> None:
    for _ in range(2):
        simulate_votes(study, votes=20, voters=2, taste=parse_taste("category"), seed=1)
    assert Voter.objects.count() == 2
    assert Vote.objects.count() == 32


def test_it_says_so_when_everything_was_seen(study: Study) -> None:
    out = io.StringIO()
    call_command("simulate_votes", "match", "--votes", "100", "--voters", "2", stdout=out)
    assert "32 votes cast of 100: these voters have seen everything" in out.getvalue()


def test_a_study_that_is_not_open_is_refused(study: Study) -> None:
    Study.objects.update(state=StudyState.READY)
    with pytest.raises(CommandError, match="open_study match") as caught:
        call_command("simulate_votes", "match")
    assert caught.value.returncode == 1


@pytest.mark.parametrize("words", [("--votes", "0"), ("--voters", "0"), ("--seed", "-1"), ("--taste", "salt")])
def test_words_that_are_off_end_with_exit_code_two(study: Study, words: tuple[str, str]) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("simulate_votes", "match", *words)
    assert caught.value.returncode == 2


def test_a_crowd_may_go_by_colours_which_labels_do_not_tell(tmp_path: Path) -> None:
    """Two red and two blue pictures of two categories: what is alike in colours is liked, whatever it is."""
    for number, colour in enumerate(["red", "red", "blue", "blue"]):
        folder = tmp_path / "cards" / ("dress" if number % 2 else "shirt")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), colour).save(folder / f"{number}.png")
    call_command("import_catalogue", "cards", str(tmp_path / "cards"))
    items = {Path(item.key).stem: item.pk for item in Item.objects.all()}
    pairs = [("0", "1"), ("0", "2"), ("3", "2"), ("3", "1")]
    assert Colours().are_alike([(items[one], items[other]) for one, other in pairs]) == [True, False, True, False]
