"""All indexes of this process, kept as the rows say by one thread."""

from __future__ import annotations

import logging
import threading
from time import monotonic

from django.conf import settings
from django.db import DatabaseError, connection

from evalapp.core.pipeline.worker_presence import own_name
from evalapp.search.domain.lookup_params import Found, LookupParams
from evalapp.search.domain.search_problems import SearchUnavailable
from evalapp.search.models import SearchIndex
from evalapp.search.pipeline.search_service.admission import Gate
from evalapp.search.pipeline.search_service.served_index import ServedIndex
from evalapp.search.services.replicas import forget_replicas, see_replica
from models_registry.index import IndexProblem

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""So often the rows are looked at."""
_SAY_SECONDS = 2.0


class ServedIndexes:
    """Opens what serves, closes what does not any more, and answers from it."""

    def __init__(self) -> None:
        self.gate = Gate(settings.SEARCH_THREADS)
        self._served: dict[str, ServedIndex] = {}
        self._failed: dict[int, int] = {}
        """Index → generation that could not be opened: it is not tried again before another serves."""
        self._looked = False
        self._said = 0.0
        self._stop = threading.Event()

    @property
    def is_ready(self) -> bool:
        """Whether everything that serves is open and warm."""
        return self._looked

    def answer_lookup(self, params: LookupParams, blob: bytes, seconds_left: float) -> Found:
        """An answer in time, or the problem why there is none."""
        served = self._served.get(params.index)
        if served is None:
            raise SearchUnavailable("This index is not ready; try again in a few seconds.")
        with self.gate.admit_question(seconds_left):
            return served.answer_lookup(params, blob)

    def run(self) -> None:
        """Look at the rows until `stop`; whatever goes wrong, what is open goes on answering."""
        while not self._stop.is_set():
            is_behind = False
            try:
                is_behind = self.look_at_rows()
            except DatabaseError:
                logger.warning("The rows cannot be read; trying again.")
                connection.close()
            except Exception:
                # A thread that ended would leave an index that grows old without a word.
                logger.exception("The indexes could not be brought up to date; trying again.")
            # Pictures that wait for their vectors are not left to wait for the clock as well.
            self._stop.wait(0 if is_behind else LOOK_SECONDS)
        connection.close()

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()

    def look_at_rows(self) -> bool:
        """One look: open, close, and apply changes. Whether pictures wait that can be made into vectors at once."""
        serving = SearchIndex.objects.exclude(serving=None)
        rows = {
            row.slug: row
            for row in serving.select_related("embedding__model", "catalogue", "serving", "locator", "masker")
        }
        for slug in self._served.keys() - rows.keys():
            del self._served[slug]
        for slug, row in rows.items():
            self._keep_current(slug, row)
        self._looked = True
        if monotonic() - self._said > _SAY_SECONDS:
            self._report_replicas()
        return any(served.is_behind for served in list(self._served.values()))

    def _keep_current(self, slug: str, row: SearchIndex) -> None:
        served = self._served.get(slug)
        if row.serving is None or self._failed.get(row.pk) == row.serving.pk:
            return
        if served is not None and served.row.pk == row.pk and served.generation.pk == row.serving.pk:
            served.take_settings(row)
            served.catch_up()
            return
        try:
            opened = ServedIndex(row, row.serving)
        except IndexProblem:
            logger.exception("Generation %s cannot be opened.", row.serving)
            self._failed[row.pk] = row.serving.pk
            return
        # The old one answers until its last question is done; nobody waits for this.
        self._served[slug] = opened

    def _report_replicas(self) -> None:
        self._said = monotonic()
        for served in list(self._served.values()):
            see_replica(
                own_name(),
                served.row.pk,
                served.generation.pk,
                applied_change=served.applied,
                rows=len(served.snapshot),
                young=served.snapshot.delta.rows,
                waiting=len(served.waiting),
                latencies=self.gate.recent_latencies,
            )
        forget_replicas(own_name(), but=[served.row.pk for served in self._served.values()])
