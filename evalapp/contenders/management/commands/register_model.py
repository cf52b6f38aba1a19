"""`manage.py register_model SPEC --name NAME`."""

from __future__ import annotations

from typing import Any

from evalapp.contenders.services import registration
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from models_registry.encoders.encoder_choices import PRECISIONS
from models_registry.encoders.pooling import POOLS
from models_registry.registry import list_families

_OPTIONS = (
    "tap", "pool", "resize", "interpolation", "mean", "std", "channels", "size", "seed", "precision", "flip", "post"
)  # fmt: skip


class Command(BaseCommand):
    help = "Register an encoder under a name, so that it can take part in studies."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        usages = ", ".join(entry.usage for entry in list_families())
        parser.add_argument("spec", help=f"one of {usages}")
        parser.add_argument("--name", required=True, help="what studies call it")
        parser.add_argument("--tap", help="output or outputs of the network, comma-separated")
        parser.add_argument("--resize", choices=("squash", "shorter-side", "letterbox"))
        parser.add_argument("--interpolation", choices=("nearest", "bilinear", "bicubic", "lanczos"))
        parser.add_argument("--mean", help="one number or three, on pictures scaled to 0…1")
        parser.add_argument("--std", help="one number or three")
        parser.add_argument("--channels", choices=("rgb", "bgr"))
        parser.add_argument("--pool", choices=POOLS, help="how tokens or places become one vector")
        parser.add_argument("--size", help="side of the input in pixels, or 256x128 (height x width)")
        parser.add_argument(
            "--precision", choices=PRECISIONS, help="what networks of torch compute in, on every worker"
        )
        parser.add_argument("--flip", choices=("yes", "no"), help="average with the vector of the mirrored picture")
        parser.add_argument("--post", help="l2: every vector at length 1")
        parser.add_argument("--seed", help="seed of random weights")

    def run(self, **options: Any) -> Any:
        chosen_options = {name: options[name] for name in _OPTIONS if options[name] is not None}
        model, is_new = registration.register_model(
            source=options["spec"], name=options["name"], options=chosen_options
        )
        taps = ", ".join(f"{tap['name']} ({tap['dim']})" for tap in model.spec["taps"])
        self.say(f"{model.name}: {'registered' if is_new else 'known already'}; taps {taps}.")
        if rules := model.preprocess:
            pixels = f"{rules['size'][1]} × {rules['size'][0]} pixels, {rules['resize']}, {rules['interpolation']}"
            self.say(f"It reads {pixels}, {rules['channels']}, mean {rules['mean']}, deviation {rules['std']}.")
            if not (options["mean"] and options["std"]):
                self.say("Trained on pictures of another scale? Say so with --mean and --std, before it is used.")
        self.say(f"Next: python manage.py create_study SLUG --catalogue C --contender {model.name}:cosine")
        return {"name": model.name, "new": is_new, "fingerprint": model.fingerprint, "taps": model.spec["taps"]}
