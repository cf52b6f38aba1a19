"""The writes of voting: publish a design, serve a deck, cast votes, take them back."""

from evalapp.voting.services.ballots import Ballot, Receipt, Status, cast_votes
from evalapp.voting.services.decks import Deck, deck_for, serve_deck
from evalapp.voting.services.designs import publish_design
from evalapp.voting.services.golds import prepare_golds
from evalapp.voting.services.undo import undo_votes
from evalapp.voting.services.voters import block_voter, forget_voter, unblock_voter

__all__ = [
    "Ballot",
    "Deck",
    "Receipt",
    "Status",
    "block_voter",
    "cast_votes",
    "deck_for",
    "forget_voter",
    "prepare_golds",
    "publish_design",
    "serve_deck",
    "unblock_voter",
    "undo_votes",
]
