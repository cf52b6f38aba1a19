"""What each number of the board means, in a sentence or two, for who reads it for the first time."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

EXPLANATIONS: dict[str, Callable[[], tuple[str, str]]] = {
    "risk": lambda: (
        _("Risk"),
        _(
            "If many studies were decided in this way, at most so many of a hundred would ever name a wrong winner, "
            "although everybody may look after every vote."
        ),
    ),
    "of_hundred": lambda: (
        _("Of 100 people"),
        _(
            "The difference of the two approvals: of 100 people who see what both answer to the same question, so "
            "many more say dope to the first. What is in brackets is surely right at every moment."
        ),
    ),
    "voters": lambda: (
        _("Voters"),
        _(
            "People who answered. The votes of one person resemble each other, so that many people tell more than "
            "many votes."
        ),
    ),
    "credited": lambda: (
        _("Credited votes"),
        _(
            "Several contenders may propose the same pair. A vote on it then tells of each of them and is credited "
            "to each."
        ),
    ),
    "rank": lambda: (
        _("Rank"),
        _("The places that are still possible. A range becomes a single place once the neighbours are told apart."),
    ),
    "approval": lambda: (
        _("Approval"),
        _("Of 100 people who see the first answer of a contender to any query of the study, so many say dope."),
    ),
    "interval": lambda: (
        _("Interval"),
        _("Where the true value lies: of a hundred such intervals at most five ever miss it, however often one looks."),
    ),
    "votes": lambda: (_("Votes"), _("Votes on the pairs that this contender put first.")),
    "floor": lambda: (
        _("Floor and ceiling"),
        _(
            "The floor is what random answers get: whoever is not above it has learnt nothing. The ceiling is what "
            "the same picture gets, slightly changed: nobody can be much better."
        ),
    ),
    "better": lambda: (
        _("Better"),
        _(
            "How likely it is, by the votes so far, that people like the one more. It is for reading, not for "
            "deciding: it may be high for a while by chance."
        ),
    ),
    "difference": lambda: (
        _("Difference in points"),
        _("One approval less the other, in hundredths: with 60% and 55% it is five points."),
    ),
    "same": lambda: (
        _("Same answer"),
        _("On how many queries both propose the same picture. There they cannot differ, and no vote is needed."),
    ),
    "strength": lambda: (
        _("Strength"),
        _("How often people would find it closer than an average contender, when both are shown beside each other."),
    ),
    "ties": lambda: (_("Ties"), _("How often people found both alike. A tie counts half for each.")),
    "pooled": lambda: (
        _("Drawn towards the whole"),
        _("Few votes may mislead. The fewer a category has, the nearer its number is moved to that of all categories."),
    ),
    "correlation": lambda: (
        _("Rank correlation"),
        _(
            "1: the score orders the contenders as people do. 0: it says nothing about what people like. −1: the "
            "other way."
        ),
    ),
    "automatic": lambda: (
        _("Automatic scores"),
        _(
            "What is computed from labels, without people: how often the first answer is of the query’s category, or "
            "shows the very same product."
        ),
    ),
    "design": lambda: (
        _("Design"),
        _(
            "The rule by which the next pairs are drawn. It is fixed before their votes come, so that it cannot "
            "favour anybody."
        ),
    ),
    "resemble": lambda: (
        _("How votes resemble each other"),
        _("Two votes of one person tell less than two votes of two people. By so much the intervals are wider."),
    ),
    "aside": lambda: (
        _("Votes set aside"),
        _("Votes of programs, of people faster than anybody looks, and made-up ones. They are kept, and do not count."),
    ),
    "fragility": lambda: (
        _("Votes to swap"),
        _(
            "How few votes, or people with all their votes, would have to be missing for two neighbours to change "
            "places."
        ),
    ),
    "alpha": lambda: (
        _("Krippendorff’s alpha"),
        _("How far people agree beyond chance: 1 is always, 0 is as often as coins would."),
    ),
    "known": lambda: (
        _("Known answers"),
        _("Pairs whose answer is known, such as the same picture twice. Who gets many wrong counts for less."),
    ),
    "noise": lambda: (
        _("Noise ceiling"),
        _("No contender can be liked more reliably than people agree with each other."),
    ),
}
"""By the key that templates use: the word that is tapped, and what it means."""
