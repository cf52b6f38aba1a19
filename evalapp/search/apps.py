from django.apps import AppConfig

from evalapp.core.domain.navigation import LabPage


class SearchConfig(AppConfig):
    name = "evalapp.search"
    verbose_name = "Search"
    lab_pages = (
        LabPage("Search", "lab-search", order=55, also=("/lab/search-new/",)),
        LabPage("Tags", "lab-tags", order=57),
        LabPage("Duplicates", "lab-duplicates", order=25),
    )
