"""The writes of voting: publish a design, serve a deck, cast votes, take them back."""
