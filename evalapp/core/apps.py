from django.apps import AppConfig

from evalapp.core.navigation import LabPage


class CoreConfig(AppConfig):
    name = "evalapp.core"
    verbose_name = "Core"
    lab_pages = (LabPage("Jobs", "lab-jobs", order=40),)
