from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "evalapp.catalog"
    verbose_name = "Catalogues"
