"""What the play page calls: a deck of pairs, votes, taking them back, one's own answers.

None of these operations authenticates by session or token, so none asks for a CSRF token: the voter's cookie is
SameSite=Lax and thus not sent with another site's POST, only JSON is read, and the tokens of exposures are random,
signed and bound to the voter.

Decks and votes are what a crowd asks for all the time. What the page sends is read by hand, which takes a tenth of the
time of a serializer; anything else goes through the serializer, which also makes the schema and says what is off.
"""
