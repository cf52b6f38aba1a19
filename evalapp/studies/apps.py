from django.apps import AppConfig

from evalapp.core.domain.navigation import LabPage


class StudiesConfig(AppConfig):
    name = "evalapp.studies"
    verbose_name = "Studies"
    lab_pages = (
        LabPage("Start", "lab-start", order=5),
        LabPage("Studies", "lab", order=10, also=("/lab/studies/",)),
    )
