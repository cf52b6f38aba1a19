from django.apps import AppConfig


class LeaderboardConfig(AppConfig):
    name = "evalapp.leaderboard"
    verbose_name = "Leaderboard"
