"""`manage.py retrain STUDY --recipe R --name NAME [--wait]`, schedules, and `retrain --list`."""

from __future__ import annotations

import time
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed, Usage
from evalapp.core.management.temporary_workers import a_worker, follow, require_success
from evalapp.core.tasks import nudge
from evalapp.studies.models import Study
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.training.management.run_watching import follow_run, say_recipes
from evalapp.training.management.set_options import settings_of
from evalapp.training.models import LIVE_LOOPS, LoopState, Retraining, Schedule
from evalapp.training.queries.training_runs import run_document
from evalapp.training.services.retraining import advance_turn, begin_retraining
from evalapp.training.services.schedules import pause_schedule, set_schedule
from models_registry.training.common.recipe_base import list_recipes


class Command(BaseCommand):
    help = "Learn an encoder from the votes of a study, and let it meet its parents in the next round."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", nargs="?")
        parser.add_argument("--recipe", default="adapter", help="how to learn (default: adapter); --list shows them")
        parser.add_argument("--name", help="what studies call the new encoder")
        parser.add_argument(
            "--from", action="append", default=[], metavar="MODEL[.TAP]", dest="sources",
            help="start from this encoder; repeated, from several side by side (default: those of the study)",
        )  # fmt: skip
        parser.add_argument("--seed", type=int)
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", dest="given",
            help="a setting of the recipe; may be repeated",
        )  # fmt: skip
        parser.add_argument("--open", action="store_true", help="open the next round when its pairs are there")
        parser.add_argument("--wait", action="store_true", help="follow the work until the next round is there")
        parser.add_argument("--every-votes", type=int, metavar="N", help="do it by itself after every N votes")
        parser.add_argument("--every-days", type=int, metavar="N", help="do it by itself every N days (7: weekly)")
        parser.add_argument("--end-schedule", action="store_true", help="do it by itself no more")
        parser.add_argument("--list", action="store_true", help="the recipes and their settings")

    def run(self, **options: Any) -> Any:
        if options["list"]:
            return say_recipes(self, list_recipes("votes"))
        for name in ("study", "name"):
            if not options[name]:
                raise Usage(f"{'STUDY' if name == 'study' else '--name'} is missing; see retrain --help.")
        study = study_by_slug(options["study"])
        if options["end_schedule"]:
            return self._end_schedule(options["name"])
        settings = settings_of(options["given"], {"seed": options["seed"]})
        if options["every_votes"] or options["every_days"]:
            return self._set_schedule(study, settings, options)
        turn = begin_retraining(
            study,
            recipe=options["recipe"],
            name=options["name"],
            sources=options["sources"],
            settings=settings,
            opens=options["open"],
        )
        if turn.run.job is None:
            raise RuntimeError("A run begins with a job.")
        if not options["wait"]:
            nudge(turn.run.job)
            self.say(f"Run {turn.run.pk} waits for a worker: python manage.py serve (or a worker of yours).")
            return run_document(turn.run)
        with a_worker():
            nudge(turn.run.job)
            require_success(follow_run(self, turn.run), turn.run.job.pk)
            turn = self._to_the_next_round(turn)
        return self._report_turn(turn)

    def _to_the_next_round(self, turn: Retraining) -> Retraining:
        """Take the steps that a beat would take, until people are to decide."""
        while True:
            for job in advance_turn(turn):
                nudge(job)
                follow(self, job.pk)
            turn = Retraining.objects.select_related("run__model", "following").get(pk=turn.pk)
            if turn.state not in LIVE_LOOPS or turn.state in (LoopState.READY, LoopState.VOTING):
                return turn
            time.sleep(0.2)

    def _report_turn(self, turn: Retraining) -> dict[str, Any]:
        if turn.state == LoopState.FAILED:
            raise Failed(turn.note)
        following = turn.following
        _say_lines(self, turn.run.metrics)
        if following is None:
            self.say(turn.note)
        elif turn.state == LoopState.VOTING:
            self.say(f"{turn.run.name} takes part in {following}, which is open. The board decides.")
        else:
            self.say(f"{turn.run.name} takes part in {following}. Next: python manage.py open_study {following}")
        round_document = {
            "state": turn.state,
            "study": following.slug if following else None,
            "contender": turn.contender,
        }
        return {**run_document(turn.run), "round": round_document}

    def _set_schedule(self, study: Study, settings: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        schedule = set_schedule(
            study,
            name=options["name"],
            recipe=options["recipe"],
            every_days=options["every_days"],
            every_votes=options["every_votes"],
            sources=options["sources"],
            settings=settings,
            opens=options["open"],
        )
        self.say(f"{schedule} is learnt by itself from now on, as long as serve (or a beat and a worker) runs.")
        return {
            "schedule": schedule.name,
            "study": schedule.study.slug,
            "every_days": schedule.every_days,
            "every_votes": schedule.every_votes,
            "opens": schedule.opens,
        }

    def _end_schedule(self, name: str) -> dict[str, Any]:
        schedules = list(Schedule.objects.filter(name=name, enabled=True))
        if not schedules:
            raise Failed(f"There is no schedule {name} that runs.")
        for schedule in schedules:
            pause_schedule(schedule)
        self.say(f"{name} begins no more turns by itself.")
        return {"schedule": name, "enabled": False}


_BOTH = {
    "fresh": "Nobody was asked, category known to the catalogue",
    "unseen": "From outside: neither votes nor category were seen",
}
"""How well the new encoder does, told twice: what a label gives away it has to find by itself elsewhere."""


def _say_lines(command: BaseCommand, metrics: dict[str, Any]) -> None:
    """What the run measured on votes that it never saw."""
    for line in metrics.get("lines", []):
        command.say(
            f"{line['name']:24} vote AUC {_format_measure(line['vote_auc'])}  "
            f"same category {_format_measure(line['category_match'])}"
        )
    for name, what in _BOTH.items():
        measured = metrics.get("both", {}).get(name)
        if measured is not None:
            within = _format_measure(measured["within_query"])
            command.say(f"{what:56} vote AUC {_format_measure(measured['vote_auc'])}  liked one of two {within}")
    for line in metrics.get("calibrated", []):
        mark = "" if line["competed"] else "  (off-policy)"
        command.say(
            f"{line['name']:24} vote AUC {_format_measure(line['vote_auc'])}  "
            f"log loss {line['log_loss_learnt']:.3f}{mark}"
        )


def _format_measure(measure: dict[str, Any] | None) -> str:
    if measure is None or measure["value"] is None:
        return "–".ljust(20)
    return f"{measure['value']:.3f} ({measure['low']:.3f}–{measure['high']:.3f})"
