"""`/metrics`: what Prometheus reads, with an operator's token. All of it comes from rows, so any process may answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps
from django.http import HttpResponse
from django.utils.module_loading import import_string
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from evalapp.core import queries
from evalapp.core.domain.measures import refusal_measures


class _Plain(BaseRenderer):
    media_type = "text/plain"
    format = "txt"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> str:
        """Only errors come here."""
        return f"{data['error']['message']}\n"


class MetricsApi(APIView):
    """In the text format that every collector of Prometheus understands."""

    renderer_classes = [_Plain]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Rows())
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Rows(Collector):
    def collect(self) -> Iterable[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("dopeornope_jobs", "Jobs by kind and state.", labels=["kind", "state"])
        for tally in queries.jobs_by_state():
            jobs.add_metric([tally.kind, tally.state], tally.count)
        chunks = GaugeMetricFamily("dopeornope_chunks", "Chunks by stage and state.", labels=["stage", "state"])
        units = GaugeMetricFamily("dopeornope_units", "Pictures, queries … in chunks.", labels=["stage", "state"])
        for tally in queries.chunks_by_state():
            chunks.add_metric([tally.kind, tally.state], tally.count)
            units.add_metric([tally.kind, tally.state], tally.units)
        speed = GaugeMetricFamily("dopeornope_units_per_second", "Speed of running stages.", labels=["job", "stage"])
        for job in queries.recent_jobs(100):
            if job.speed is not None:
                speed.add_metric([str(job.id), job.stage], job.speed)
        workers = GaugeMetricFamily(
            "dopeornope_worker_alive", "1 for a worker that was seen of late.", labels=["worker", "queues", "device"]
        )
        seen_seconds = GaugeMetricFamily("dopeornope_worker_seen_seconds", "When it was last seen.", labels=["worker"])
        for worker in queries.worker_lines():
            workers.add_metric([worker.name, worker.queues, worker.device], 0 if worker.silent else 1)
            seen_seconds.add_metric([worker.name], worker.seen_at.timestamp())
        return [jobs, chunks, units, speed, workers, seen_seconds, *_measure_families()]


def _measure_families() -> list[GaugeMetricFamily]:
    """What the apps offer by `measures`, and what this process refused."""
    sources = [import_string(config.measures) for config in apps.get_app_configs() if hasattr(config, "measures")]
    families: dict[str, GaugeMetricFamily] = {}
    for measure in [*(one for source in sources for one in source()), *refusal_measures()]:
        if measure.name not in families:
            families[measure.name] = GaugeMetricFamily(measure.name, measure.about, labels=list(measure.labels))
        families[measure.name].add_metric(list(measure.labels.values()), measure.value)
    return list(families.values())
