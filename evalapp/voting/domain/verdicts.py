"""Which answers, and to which kinds of exposures, count for what.

The values are those of `Answer` and `ExposureKind`, as plain text: statements in SQL take them as parameters.
"""

VERDICTS = ("dope", "nope")
"""The answers that judge a pair. A tie judges two at once, a skip and a report judge none."""

LIKED, EVEN = "dope", "tie"

WORTH = {LIKED: 1.0, "nope": 0.0, EVEN: 0.5}
"""What an answer says of its pair, as a number: the outcome that approvals are shares of."""

PAIR_ANSWERS = ("dope", "nope", "skip")
"""The answers that a pair counts itself; its reports are counted by its flag."""

DRAWN_KINDS = ("study", "control")
"""Kinds drawn by the design, with a known probability: what estimates may use."""

PAIR_KINDS = (*DRAWN_KINDS, "imported")
"""Kinds whose votes a pair counts and training learns from. The others tell about voters, not about pairs."""
