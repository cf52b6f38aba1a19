"""`manage.py list_models`."""

from __future__ import annotations

from typing import Any

from evalapp.contenders.queries import registered_models
from evalapp.core.management.command_base import Command as BaseCommand


class Command(BaseCommand):
    help = "List the registered encoders: taps, dimensions, weights."
    offers_json = True

    def run(self, **options: Any) -> Any:
        models = registered_models.registered_models()
        for model in models:
            taps = ", ".join(f"{tap['name']} {tap['dim']}" for tap in model["taps"])
            weights = (model["weights_sha256"] or "none")[:12]
            self.say(f"{model['name']:24} {model['source']:32} taps {taps:28} weights {weights}")
        if not models:
            self.say("No model is registered. Try: python manage.py register_model tiny-vgg --name tiny")
        return models
