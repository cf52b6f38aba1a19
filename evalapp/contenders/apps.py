from django.apps import AppConfig

from evalapp.core.domain.navigation import LabPage


class ContendersConfig(AppConfig):
    name = "evalapp.contenders"
    verbose_name = "Contenders"
    lab_pages = (
        LabPage(
            "Models",
            "lab-models",
            order=30,
            also=(
                "/lab/model-new/",
                "/lab/region-new/",
                "/lab/registrations/",
                "/lab/storage/",
                "/lab/examinations/",
            ),
        ),
        LabPage("Maps", "lab-maps", order=35),
    )
