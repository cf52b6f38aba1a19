from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "evalapp.core"
    verbose_name = "Core"
