from django.apps import AppConfig

from evalapp.core.navigation import LabPage


class ContendersConfig(AppConfig):
    name = "evalapp.contenders"
    verbose_name = "Contenders"
    lab_pages = (LabPage("Models", "lab-models", order=30), LabPage("Maps", "lab-maps", order=35))
