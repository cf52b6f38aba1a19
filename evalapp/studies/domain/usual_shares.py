"""What a study does where nobody says otherwise: how much of what it shows is there to measure the voters."""

USUAL_GOLD_SHARE = 0.05
"""Of what is shown, pairs whose answer is known (gold): they tell whom to trust."""
USUAL_MARGIN = 0.02
"""So far below the best a contender counts as near enough to be declared, too."""
USUAL_REPEAT_SHARE = 0.02
"""Of what is shown, pairs that the voter answered before: do people agree with themselves?"""
