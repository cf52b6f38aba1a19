from django.apps import AppConfig

from evalapp.core.domain.navigation import LabPage


class TrainingConfig(AppConfig):
    name = "evalapp.training"
    verbose_name = "Training"
    lab_pages = (LabPage("Training", "lab-training", order=50),)
