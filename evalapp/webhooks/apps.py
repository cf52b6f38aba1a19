from django.apps import AppConfig

from evalapp.core.domain.navigation import LabPage


class WebhooksConfig(AppConfig):
    name = "evalapp.webhooks"
    verbose_name = "Webhooks"
    measures = "evalapp.webhooks.queries.measures"
    lab_pages = (LabPage("Webhooks", "lab-webhooks", order=70),)
