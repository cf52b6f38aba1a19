"""`manage.py register_model SPEC --name NAME`."""

from __future__ import annotations

from typing import Any

from evalapp.contenders import services
from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser
from models_registry.registry import families

_OPTIONS = ("tap", "resize", "interpolation", "mean", "std", "channels", "size", "seed")


class Command(BaseCommand):
    help = "Register an encoder under a name, so that it can take part in studies."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        known = ", ".join(entry.usage for entry in families())
        parser.add_argument("spec", help=f"one of {known}")
        parser.add_argument("--name", required=True, help="what studies call it")
        parser.add_argument("--tap", help="output or outputs of the network, comma-separated")
        parser.add_argument("--resize", choices=("squash", "shorter-side", "letterbox"))
        parser.add_argument("--interpolation", choices=("nearest", "bilinear", "bicubic", "lanczos"))
        parser.add_argument("--mean", help="one number or three, on pictures scaled to 0…1")
        parser.add_argument("--std", help="one number or three")
        parser.add_argument("--channels", choices=("rgb", "bgr"))
        parser.add_argument("--size", help="side of the input in pixels, where the network leaves it open")
        parser.add_argument("--seed", help="seed of random weights")

    def run(self, **options: Any) -> Any:
        given = {name: options[name] for name in _OPTIONS if options[name] is not None}
        model, is_new = services.register_model(source=options["spec"], name=options["name"], options=given)
        taps = ", ".join(f"{tap['name']} ({tap['dim']})" for tap in model.spec["taps"])
        self.say(f"{model.name}: {'registered' if is_new else 'known already'}; taps {taps}.")
        return {"name": model.name, "new": is_new, "fingerprint": model.fingerprint, "taps": model.spec["taps"]}
