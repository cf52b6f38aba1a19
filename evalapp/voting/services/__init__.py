"""The writes of voting: serve a deck, cast votes, take them back."""

from evalapp.voting.services.ballots import Ballot, Receipt, Status, cast_votes
from evalapp.voting.services.decks import serve_deck
from evalapp.voting.services.undo import undo_votes

__all__ = ["Ballot", "Receipt", "Status", "cast_votes", "serve_deck", "undo_votes"]
