from django.apps import AppConfig


class StudiesConfig(AppConfig):
    name = "evalapp.studies"
    verbose_name = "Studies"
