from django.apps import AppConfig


class VotingConfig(AppConfig):
    name = "evalapp.voting"
    verbose_name = "Voting"
    measures = "evalapp.voting.queries.vote_measures.measures"
