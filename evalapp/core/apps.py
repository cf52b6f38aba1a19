from django.apps import AppConfig
from django.db.models.signals import post_migrate

from evalapp.core.domain.navigation import LabPage


class CoreConfig(AppConfig):
    name = "evalapp.core"
    verbose_name = "Core"
    measures = "evalapp.core.queries.measures"
    lab_pages = (
        LabPage("Jobs", "lab-jobs", order=40),
        LabPage("Who did what", "lab-deeds", order=90),
        LabPage("Installation", "lab-installation", order=95, also=("/lab/health/", "/lab/password/")),
    )

    def ready(self) -> None:
        from evalapp.core.services.sql_functions import install_sql_functions

        post_migrate.connect(install_sql_functions, sender=self)
