from django.apps import AppConfig

from evalapp.core.navigation import LabPage


class StudiesConfig(AppConfig):
    name = "evalapp.studies"
    verbose_name = "Studies"
    lab_pages = (LabPage("Studies", "lab", order=10, also=("/lab/studies/",)),)
