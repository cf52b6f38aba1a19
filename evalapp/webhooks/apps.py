from django.apps import AppConfig

from evalapp.core.navigation import LabPage


class WebhooksConfig(AppConfig):
    name = "evalapp.webhooks"
    verbose_name = "Webhooks"
    lab_pages = (LabPage("Webhooks", "lab-webhooks", order=70),)
