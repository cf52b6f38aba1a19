from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """The project itself, so that its system checks and static pages have a home."""

    name = "evalapp.config"
    label = "project"
    verbose_name = "Project"

    def ready(self) -> None:
        # Whoever may send a task needs the application before: without it Celery turns to RabbitMQ on this machine.
        # Here it is loaded in every process that has models: web, commands, workers, beat, tests and scripts.
        from evalapp.config import celery, checks  # noqa: F401 - registers the checks
