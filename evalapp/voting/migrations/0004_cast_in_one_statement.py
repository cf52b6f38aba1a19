"""Recording votes in one statement whose plan the server keeps.

As text, the statement would be planned anew for every vote, which takes longer than carrying it out.
"""

from __future__ import annotations

from django.db import migrations

# The usual case: exposures that were not answered yet, of an open study. The lock is the compare-and-set: of several
# equal requests one finds the exposure open. Exposures and pairs are locked in one fixed order, so that batches with
# some in common wait for each other instead of deadlocking. Returned are the tokens of what was recorded.
CAST = """
CREATE OR REPLACE FUNCTION voting_cast(
    the_voter uuid, sent_tokens uuid[], sent_verdicts text[], sent_times int[], sent_clients text[],
    the_now timestamptz, the_oldest timestamptz, the_simulated boolean
) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    WITH sent AS (
        SELECT * FROM unnest(sent_tokens, sent_verdicts, sent_times, sent_clients)
            AS sent (token, verdict, response_ms, client_id)
    ), open AS (
        SELECT exposure.id, exposure.token, exposure.study_id, exposure.pair_id, exposure.kind, sent.verdict,
               sent.response_ms, sent.client_id, voter.blocked_at IS NULL AS counted, voter.block_reason
        FROM sent JOIN voting_exposure exposure ON exposure.token = sent.token
        JOIN studies_study study ON study.id = exposure.study_id
        JOIN voting_voter voter ON voter.id = exposure.voter_id
        WHERE exposure.voter_id = the_voter AND exposure.answered_at IS NULL AND exposure.taken_back = 0
          AND exposure.leased_until >= the_oldest AND study.state = 'open'
          AND (sent.verdict <> 'tie' OR study.mode = 'two')
        ORDER BY exposure.id FOR NO KEY UPDATE OF exposure
    ), answered AS (
        UPDATE voting_exposure exposure SET answered_at = the_now FROM open WHERE exposure.id = open.id
    ), written AS (
        INSERT INTO voting_vote (exposure_id, study_id, pair_id, voter_id, verdict, response_ms, client_id, counted,
                                 void_reason, simulated, voted_at)
        SELECT id, study_id, pair_id, the_voter, verdict, response_ms, client_id, counted,
               CASE WHEN counted THEN '' ELSE block_reason END, the_simulated, the_now
        FROM open ORDER BY array_position(sent_tokens, token)
    ), added AS (
        SELECT pair_id, count(*) FILTER (WHERE verdict = 'dope') AS dope, count(*) FILTER (WHERE verdict = 'nope') AS nope,
               count(*) FILTER (WHERE verdict = 'skip') AS skip
        FROM open WHERE counted AND kind IN ('study', 'control') GROUP BY pair_id
    ), held AS (
        SELECT pair.id FROM studies_pair pair WHERE pair.id IN (SELECT pair_id FROM added)
        ORDER BY pair.id FOR NO KEY UPDATE
    ), changed AS (
        UPDATE studies_pair pair
        SET dope = pair.dope + added.dope, nope = pair.nope + added.nope, skip = pair.skip + added.skip
        FROM held JOIN added ON added.pair_id = held.id WHERE pair.id = held.id
    )
    SELECT open.token FROM open;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("voting", "0003_imported_votes")]

    operations = [migrations.RunSQL(CAST, "DROP FUNCTION IF EXISTS voting_cast")]
