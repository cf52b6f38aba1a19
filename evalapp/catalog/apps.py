from django.apps import AppConfig

from evalapp.core.navigation import LabPage


class CatalogConfig(AppConfig):
    name = "evalapp.catalog"
    verbose_name = "Catalogues"
    lab_pages = (LabPage("Catalogues", "lab-catalogues", order=20),)
