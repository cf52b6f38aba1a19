from django.apps import AppConfig

from evalapp.core.domain.navigation import LabPage


class CatalogConfig(AppConfig):
    name = "evalapp.catalog"
    verbose_name = "Catalogues"
    lab_pages = (LabPage("Catalogues", "lab-catalogues", order=20, also=("/lab/catalogue-new/",)),)
