"""Studies, contenders, queries, pairs and nominations."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from evalapp.catalog.domain.box_styles import BoxStyle
from evalapp.catalog.domain.label_scopes import text_of_labels
from evalapp.catalog.models import (
    LONGEST_NOTE,
    Catalogue,
    CatalogueImport,
    FlagReason,
    FlagSource,
    FlagState,
    Item,
)
from evalapp.contenders.models import Embedding, Registration
from evalapp.core.domain.values.slugs import SLUG_PATTERN
from evalapp.core.models import Job
from evalapp.studies.domain.usual_shares import USUAL_GOLD_SHARE, USUAL_MARGIN, USUAL_REPEAT_SHARE

LONGEST_WORDS = 200
"""Characters of a title and of a question."""


class StudyState(models.TextChoices):
    """A study's life, in order."""

    DRAFT = "draft"
    READY = "ready"
    OPEN = "open"
    CLOSED = "closed"


class BoardVisibility(models.TextChoices):
    """Who may see the standings: operators, anyone with the link, everybody."""

    PRIVATE = "private"
    UNLISTED = "unlisted"
    PUBLIC = "public"


class StudyMode(models.TextChoices):
    """How people answer: yes or no to one pair, the closer of two candidates, all that match of a grid."""

    SWIPE = "swipe"
    TWO = "two"
    GRID = "grid"


class SamplingMethod(models.TextChoices):
    """What the next votes are spent on: what decides between the leaders, all alike, or pairs with the fewest votes."""

    ADAPTIVE = "adaptive"
    UNIFORM = "uniform"
    QUOTA = "quota"


class Study(models.Model):
    """A question put to people about pairs of one version of a catalogue."""

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=LONGEST_WORDS)
    question = models.CharField(max_length=LONGEST_WORDS, default="Do these two match?")
    catalogue = models.ForeignKey(Catalogue, on_delete=models.PROTECT, related_name="studies")
    catalogue_version = models.PositiveIntegerField()
    previous = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="following",
        help_text="The round before.",
    )
    round = models.PositiveIntegerField(default=1)
    seed = models.BigIntegerField()
    gallery_size = models.PositiveIntegerField(null=True, blank=True, help_text="Asked for; None takes the usual.")
    query_count = models.PositiveIntegerField(null=True, blank=True, help_text="Asked for; None takes the usual.")
    gallery_domain = models.CharField(max_length=80, blank=True, help_text="Only its items may be found.")
    query_domain = models.CharField(max_length=80, blank=True, help_text="Only for its items neighbours are found.")
    gallery_labels = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Only items with these labels may be found: {field: values}."
    )
    query_labels = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Only for items with these labels neighbours are found."
    )
    top_k = models.PositiveSmallIntegerField(default=10)
    exclude = models.CharField(
        max_length=20,
        default="none",
        choices=[("none", "none"), ("product", "product"), ("once", "once")],
        help_text="`product`: the query's own product is hidden; `once`: of every product only the nearest picture.",
    )
    mode = models.CharField(max_length=5, choices=StudyMode.choices, default=StudyMode.SWIPE)
    training_pictures = models.BooleanField(
        default=False, help_text="Whether people may be shown pictures that a contender was trained on."
    )
    dim_boxes = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether an item's whole picture is shown, darkened outside its box, not the box alone.",
    )
    box_margin = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="Shown around an item's box, in per cent of its sides; 0: the pixels that were compared.",
    )
    random_sides = models.BooleanField(default=False, help_text="Whether chance says on which side the query stands.")
    sampling = models.CharField(max_length=10, choices=SamplingMethod.choices, default=SamplingMethod.ADAPTIVE)
    sampling_strata = models.BooleanField(
        default=False, help_text="Whether each category is drawn as often as its share of the queries says."
    )
    margin = models.FloatField(
        default=USUAL_MARGIN,
        help_text="Whoever is at most so far below the best may be declared, too; 0: only the best.",
    )
    simulated_decide = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether votes of a simulated crowd may declare a winner; untold, they are a rehearsal.",
    )
    gold_share = models.FloatField(default=USUAL_GOLD_SHARE, help_text="Share of exposures whose answer is known.")
    repeat_share = models.FloatField(
        default=USUAL_REPEAT_SHARE, help_text="Share of exposures that a voter answered before."
    )
    follows_catalogue = models.BooleanField(
        default=False, help_text="Whether the next round is drafted and computed by itself when the catalogue changed."
    )
    embed_hosts = ArrayField(
        models.CharField(max_length=200), default=list, blank=True, help_text="Origins that may show it in a frame."
    )
    examples = models.JSONField(
        default=list, blank=True, help_text="What visitors see before they begin: [query key, candidate key, answer]."
    )
    state = models.CharField(max_length=10, choices=StudyState.choices, default=StudyState.DRAFT)
    board = models.CharField(max_length=10, choices=BoardVisibility.choices, default=BoardVisibility.PRIVATE)
    published_votes = models.PositiveIntegerField(
        default=0, help_text="What visitors are told of the number of votes while people vote; moves in large steps."
    )
    created_at = models.DateTimeField(default=timezone.now)
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it is out of the lists; its votes stay."
    )

    class Meta:
        ordering = ("-created_at", "slug")
        verbose_name_plural = "studies"
        # A study whose slug has no address ends every page that links to it.
        constraints = [models.CheckConstraint(condition=models.Q(slug__regex=SLUG_PATTERN), name="study_slug")]

    def __str__(self) -> str:
        return self.slug

    @property
    def is_open(self) -> bool:
        """Whether people may vote."""
        return self.state == StudyState.OPEN

    @property
    def box_style(self) -> BoxStyle:
        """How items with a box are shown to its voters."""
        return BoxStyle(self.dim_boxes, self.box_margin)

    @property
    def query_scope_words(self) -> str:
        """For which items neighbours are found, in words; empty for any."""
        return _words_of(self.query_domain, self.query_labels)

    @property
    def gallery_scope_words(self) -> str:
        """Which items may be found, in words; empty for any."""
        return _words_of(self.gallery_domain, self.gallery_labels)

    @property
    def catalogue_moved_on(self) -> bool:
        """Whether the catalogue has changed since the gallery was chosen."""
        return self.catalogue.version > self.catalogue_version


def _words_of(domain: str, labels: dict[str, list[str]]) -> str:
    return text_of_labels({**({"domain": [domain]} if domain else {}), **labels})


class Gallery(models.Model):
    """The items that may be nominated: one row with their ids, read only by the pipeline."""

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="gallery")
    items = ArrayField(models.BigIntegerField())

    class Meta:
        verbose_name_plural = "galleries"

    def __str__(self) -> str:
        return f"gallery of {self.study_id}"


class Contender(models.Model):
    """A way to answer queries that takes part in a study: an embedding with a metric, answers that were brought
    in a file, or the random control."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="contenders")
    name = models.CharField(max_length=180, help_text="`MODEL.TAP:METRIC`, or `control`.")
    embedding = models.ForeignKey(Embedding, on_delete=models.PROTECT, null=True, blank=True, related_name="contenders")
    metric = models.CharField(max_length=20, blank=True)
    answers_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of the file with the answers of a search engine whose vectors nobody has."
    )
    absent = ArrayField(
        models.BigIntegerField(), default=list, blank=True, help_text="Items of the gallery that had no vector."
    )
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it is out of the race; its votes stay, and so does its line."
    )

    class Meta:
        ordering = ("study", "pk")
        constraints = [
            models.UniqueConstraint(fields=("study", "name"), name="one_contender_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_control(self) -> bool:
        """Whether it answers at random."""
        return self.embedding_id is None and not self.is_black_box

    @property
    def is_black_box(self) -> bool:
        """Whether its answers were brought in a file."""
        return bool(self.answers_sha256)


class Evaluation(models.Model):
    """The automatic scores of a study as they were last computed: the document of `evaluate --json`."""

    study = models.OneToOneField(Study, on_delete=models.CASCADE, related_name="evaluation")
    document = models.JSONField()
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"automatic scores of {self.study_id}"


class Query(models.Model):
    """An item for which contenders nominate neighbours.

    `slots` is the number of distinct first choices of all contenders: the pairs that people may be shown.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="queries")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField(help_text="0, 1, 2 … in an order that tells nothing.")
    slots = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("study", "position")
        verbose_name_plural = "queries"
        constraints = [
            models.UniqueConstraint(fields=("study", "position"), name="one_query_per_position"),
            models.UniqueConstraint(fields=("study", "item"), name="one_query_per_item"),
        ]

    def __str__(self) -> str:
        return f"{self.study_id}/{self.position}"


class Pair(models.Model):
    """A query and a candidate. Nothing in it names a contender.

    A pair that some contender put first has a `slot`, 0 … `query.slots` - 1 in an order that tells nothing;
    the others are kept for training and never shown. The counts change in the transaction of each vote.
    """

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="pairs")
    query = models.ForeignKey(Query, on_delete=models.CASCADE, related_name="pairs")
    candidate = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    slot = models.PositiveSmallIntegerField(null=True, blank=True)
    dope = models.PositiveIntegerField(default=0)
    nope = models.PositiveIntegerField(default=0)
    skip = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=("query", "candidate"), name="one_pair_per_candidate"),
            models.UniqueConstraint(
                fields=("query", "slot"), condition=models.Q(slot__isnull=False), name="one_pair_per_slot"
            ),
        ]

    def __str__(self) -> str:
        return f"pair {self.pk}"


class Nomination(models.Model):
    """A contender proposed this pair, at this rank (1 is nearest), with this distance (none for the control)."""

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="nominations")
    contender = models.ForeignKey(Contender, on_delete=models.CASCADE, related_name="nominations")
    rank = models.PositiveSmallIntegerField()
    distance = models.FloatField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=("contender", "pair"), name="one_nomination_per_pair"),
        ]
        indexes = [
            # The board credits first choices only.
            models.Index(fields=("pair", "contender"), condition=models.Q(rank=1), name="first_choices"),
        ]

    def __str__(self) -> str:
        return f"nomination {self.pk}"


class PairFlag(models.Model):
    """A pair with an active flag leaves decks and training data; its votes stay.

    `reports` counts the voters who reported the pair, `backing` those of them whose reports weigh something; enough of
    these make a suspicion active by themselves.
    """

    pair = models.OneToOneField(Pair, on_delete=models.CASCADE, related_name="flag")
    reason = models.CharField(max_length=20, choices=FlagReason.choices, default=FlagReason.OTHER)
    note = models.CharField(max_length=LONGEST_NOTE, blank=True)
    source = models.CharField(max_length=10, choices=FlagSource.choices, default=FlagSource.OPERATOR)
    state = models.CharField(max_length=10, choices=FlagState.choices, default=FlagState.ACTIVE)
    reports = models.PositiveIntegerField(default=0)
    backing = models.PositiveIntegerField(default=0, help_text="Reports of people with a record, one per address.")
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When it was last confirmed or lifted.")

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = [models.Index(fields=("pair",), condition=models.Q(state="active"), name="active_pair_flags")]

    def __str__(self) -> str:
        return f"{self.reason}: pair {self.pair_id}"


class Robustness(models.Model):
    """How much of a contender's top 10 survives damage to the queries, as last measured.

    `lines` are `models_registry.evaluate.robustness.Survival` as JSON.
    """

    contender = models.OneToOneField(Contender, on_delete=models.CASCADE, related_name="robustness")
    queries = models.PositiveIntegerField()
    strength = models.FloatField()
    lines = models.JSONField(default=list)
    measured_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "robustness"

    def __str__(self) -> str:
        return f"robustness of {self.contender_id}"


class QuickStart(models.Model):
    """The whole main job asked for at once: pictures, networks and a question in, a study that can be opened out.

    Its one job brings the pictures, registers the networks, drafts the study and computes it.
    """

    title = models.CharField(max_length=LONGEST_WORDS)
    question = models.CharField(max_length=LONGEST_WORDS)
    catalogue = models.ForeignKey(Catalogue, on_delete=models.CASCADE, related_name="+")
    pictures = models.ForeignKey(
        CatalogueImport, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", help_text="If any are new."
    )
    registrations = models.ManyToManyField(Registration, blank=True, related_name="+")
    encoders = models.JSONField(default=list, help_text="Names of encoders that are registered already.")
    study = models.ForeignKey(Study, on_delete=models.SET_NULL, null=True, blank=True, related_name="quick_starts")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.title
