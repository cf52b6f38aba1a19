from django.apps import AppConfig


class ContendersConfig(AppConfig):
    name = "evalapp.contenders"
    verbose_name = "Contenders"
