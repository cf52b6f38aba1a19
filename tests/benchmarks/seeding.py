"""Large studies and many votes in no time: rows made by the database itself."""

from __future__ import annotations

import time

import numpy as np
from django.db import connection
from django.utils import timezone

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import Embedding
from evalapp.studies.models import Contender, Study, StudyState
from evalapp.voting.domain.slates import hands_from_all
from evalapp.voting.queries.deck_reads import DeckStudy, law_of, pool_of
from evalapp.voting.services import deck_serving
from tests import cast

SLOTS = 4
ITEMS = 30_000


def study(slug: str, pairs: int) -> Study:
    """An open study with so many pairs to show, four of every query."""
    catalogue = Catalogue.objects.filter(slug="large").first() or _catalogue()
    made = Study.objects.create(
        slug=slug, title=slug, catalogue=catalogue, catalogue_version=1, seed=1, state=StudyState.OPEN,
        opened_at=timezone.now(),
    )  # fmt: skip
    embedding, _ = Embedding.objects.get_or_create(
        model=cast.network(), tap="fc6", catalogue=catalogue, defaults={"dimensions": 8}
    )
    contender = Contender.objects.create(study=made, name="net.fc6:l2", embedding=embedding, metric="l2")
    params = {"study": made.pk, "queries": pairs // SLOTS, "slots": SLOTS, "contender": contender.pk}
    _run(
        "INSERT INTO studies_query (study_id, item_id, position, slots)"
        " SELECT %(study)s, item.id, row_number() OVER (ORDER BY item.id) - 1, %(slots)s"
        " FROM (SELECT id FROM catalog_item ORDER BY id LIMIT %(queries)s) item",
        params,
    )
    _run(
        "INSERT INTO studies_pair (study_id, query_id, candidate_id, slot, dope, nope, skip)"
        " SELECT %(study)s, query.id, (SELECT min(id) FROM catalog_item) + (query.position + 7 * slot + 1) %% 30000,"
        " slot, 0, 0, 0 FROM studies_query query, generate_series(0, %(slots)s - 1) slot"
        " WHERE query.study_id = %(study)s ORDER BY random()",
        params,
    )
    _run(
        "INSERT INTO studies_nomination (pair_id, contender_id, rank, distance)"
        " SELECT id, %(contender)s, 1, 0.5 FROM studies_pair WHERE study_id = %(study)s",
        params,
    )
    _run("ANALYZE")
    return made


def votes(made: Study, n: int) -> None:
    """So many more votes, of voters of fifty each."""
    params = {"study": made.pk, "voters": max(1, n // 50), "salt": str(time.time_ns())}
    params["pairs"] = made.pairs.filter(slot__isnull=False).count()
    # Rows made here refer to what is there: looking each reference up would take most of the time.
    _run("SET session_replication_role = replica")
    _run(
        "INSERT INTO voting_voter (id, created_at, address, block_reason, trusted)"
        " SELECT md5(%(salt)s || number)::uuid, now(), '', '', false FROM generate_series(1, %(voters)s) number",
        params,
    )
    _run(
        "WITH numbered AS (SELECT id, row_number() OVER () - 1 AS place"
        " FROM studies_pair WHERE study_id = %(study)s AND slot IS NOT NULL)"
        " INSERT INTO voting_exposure (voter_id, study_id, pair_id, token, kind, propensity, side, expected, served_at,"
        " leased_until, answered_at, taken_back)"
        " SELECT md5(%(salt)s || number)::uuid, %(study)s, numbered.id, gen_random_uuid(), 'study', 1e-5, 'left', '',"
        " now(), now(), now(), 0 FROM generate_series(1, %(voters)s) number, generate_series(0, 49) step"
        " JOIN numbered ON true WHERE numbered.place = (number * 50 + step) %% %(pairs)s",
        params,
    )
    _run(
        "INSERT INTO voting_vote (exposure_id, study_id, pair_id, voter_id, verdict, client_id, counted, void_reason,"
        " simulated, voted_at) SELECT exposure.id, study_id, pair_id, voter_id, 'dope', '', true, '', true, now()"
        " FROM voting_exposure exposure WHERE study_id = %(study)s"
        " AND NOT EXISTS (SELECT 1 FROM voting_vote vote WHERE vote.exposure_id = exposure.id)",
        params,
    )
    _run("SET session_replication_role = origin")
    # Now, not while something is measured.
    _run("VACUUM ANALYZE")
    _run("CHECKPOINT")


def draw_seconds(made: Study, repeats: int = 200) -> float:
    """Median seconds of this core for drawing ten pairs, without the database."""
    shown = DeckStudy.from_study(made)
    pool = pool_of(shown)
    law = law_of(shown, None)
    rng = np.random.default_rng(1)
    rules = deck_serving._RULES[made.mode]
    times = []
    for _ in range(repeats):
        begin = time.process_time_ns()
        list(hands_from_all(pool, law, rules, law.draw_places(rng, 24), set(), rng))
        times.append((time.process_time_ns() - begin) / 1e9)
    return sorted(times)[repeats // 2]


def _catalogue() -> Catalogue:
    catalogue = Catalogue.objects.create(slug="large", version=1)
    _run(
        "INSERT INTO catalog_picture (sha256, public_id, file, width, height, size)"
        " SELECT encode(sha256(number::text::bytea), 'hex'), left(encode(sha256(number::text::bytea), 'hex'), 22),"
        " 'none', 300, 400, 1000 FROM generate_series(1, 30000) number"
    )
    _run(
        "INSERT INTO catalog_item (catalogue_id, key, picture_id, path, category, product, domain, split, attributes,"
        " version, removed, replaced)"
        " SELECT %(catalogue)s, sha256, id, '', '', '', '', '', '{}', 1, false, false FROM catalog_picture",
        {"catalogue": catalogue.pk},
    )
    return catalogue


def _run(statement: str, params: dict[str, object] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
