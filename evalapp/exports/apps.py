from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "evalapp.exports"
    verbose_name = "Exports"
