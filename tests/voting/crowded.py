"""A study with as many voters as a test wants, each with something to be told about: rows in bulk, by the database."""

from __future__ import annotations

from django.db import connection

from evalapp.studies.models import Study

_VOTERS = """
INSERT INTO voting_voter (id, created_at, address, blocked_at, block_reason, trusted)
SELECT gen_random_uuid(), now(), CASE WHEN n %% 5 = 0 THEN '' ELSE 'place ' || n %% 37 END,
       CASE WHEN n %% 11 = 0 THEN now() END, CASE WHEN n %% 11 = 0 THEN 'blocked' ELSE '' END, n %% 13 = 0
FROM generate_series(1, %(voters)s) n
"""
_EXPOSURES = """
WITH people AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM voting_voter),
     pairs AS (SELECT id, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS many
               FROM studies_pair WHERE study_id = %(study)s)
INSERT INTO voting_exposure (voter_id, study_id, pair_id, token, kind, propensity, side, expected, served_at,
                             leased_until, answered_at, taken_back)
SELECT people.id, %(study)s, pairs.id, gen_random_uuid(), CASE WHEN pairs.n %% 5 = 0 THEN 'gold' ELSE 'study' END, 0.5,
       'left', CASE WHEN pairs.n %% 5 = 0 THEN 'dope' ELSE '' END, now(), now(), now(), 0
FROM people JOIN pairs ON (pairs.n + people.n) %% pairs.many < %(votes)s + people.n %% 4
"""
_REPEATS = """
INSERT INTO voting_exposure (voter_id, study_id, pair_id, token, kind, propensity, side, expected, served_at,
                             leased_until, answered_at, taken_back, repeats_id)
SELECT voter_id, study_id, pair_id, gen_random_uuid(), 'repeat', 0.5, 'left', '', now(), now(), now(), 0, id
FROM voting_exposure WHERE id %% 6 = 0 AND study_id = %(study)s
"""
_VOTES = """
INSERT INTO voting_vote (exposure_id, study_id, pair_id, voter_id, verdict, response_ms, client_id, counted,
                         void_reason, simulated, voted_at)
SELECT exposure.id, exposure.study_id, pair_id, voter_id,
       (ARRAY['dope', 'nope', 'dope', 'dope', 'nope', 'nope', 'skip'])[1 + abs(hashint8(exposure.id)) %% 7],
       CASE WHEN exposure.id %% 3 > 0 THEN 200 + abs(hashint8(exposure.id + 1)) %% 3000 END, '',
       voter.blocked_at IS NULL, CASE WHEN exposure.id %% 19 = 0 THEN 'undone' ELSE '' END,
       ascii(voter_id::text) %% 2 = 0, now()
FROM voting_exposure exposure JOIN voting_voter voter ON voter.id = voter_id WHERE study_id = %(study)s
"""


def crowd(study: Study, voters: int, votes: int) -> None:
    """So many voters with about so many votes each, fewer than the study has pairs: some blocked, some trusted, some
    simulated, from a few addresses and from none, with known answers met and repeats."""
    with connection.cursor() as cursor:
        for statement in (_VOTERS, _EXPOSURES, _REPEATS, _VOTES):
            cursor.execute(statement, {"study": study.pk, "voters": voters, "votes": votes})
        # As the server would by itself.
        cursor.execute("ANALYZE voting_vote, voting_exposure, voting_voter")
