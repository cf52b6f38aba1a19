"""How much is voted, for those who watch the installation."""

from __future__ import annotations

from collections import Counter

from django.db.models import Count

from evalapp.core.domain.measures import Measure
from evalapp.voting.models import Exposure, Vote


def measures() -> list[Measure]:
    """Votes by whether they count, and pairs that were dealt in decks by whether they were answered."""
    votes = Counter(dict(Vote.objects.order_by().values_list("counted").annotate(Count("pk"))))
    dealt = Exposure.objects.aggregate(all=Count("pk"), answered=Count("answered_at"))
    by_state = {"counted": votes[True], "void": votes[False]}
    by_answer = {"answered": dealt["answered"], "unanswered": dealt["all"] - dealt["answered"]}
    return [
        *(Measure("dopeornope_votes", "Votes that were cast.", by_state[one], {"state": one}) for one in by_state),
        *(
            Measure("dopeornope_dealt_pairs", "Pairs dealt in decks.", by_answer[one], {"state": one})
            for one in by_answer
        ),
    ]
