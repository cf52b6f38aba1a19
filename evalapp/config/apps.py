from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """The project itself, so that its system checks and static pages have a home."""

    name = "evalapp.config"
    label = "project"
    verbose_name = "Project"

    def ready(self) -> None:
        from evalapp.config import checks  # noqa: F401 - registers the checks
