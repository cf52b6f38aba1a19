from django.apps import AppConfig

from evalapp.core.domain.navigation import LabPage


class ExportsConfig(AppConfig):
    name = "evalapp.exports"
    verbose_name = "Exports"
    lab_pages = (LabPage("Exports", "lab-exports", order=60),)
