"""What a deck and a vote ask of the database, as functions: the server keeps the plans of their statements.

As text each statement would be planned anew, which takes longer than carrying it out; plans for any number of rows, since
the server would else plan anew for each number.
"""

from __future__ import annotations

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

_LAST = import_module("evalapp.voting.migrations.0005_forgotten_voters")
CAST_BEFORE: str = _LAST.CAST.replace(_LAST.BEFORE, _LAST.AFTER)

# Each ballot by itself and by its keys: a plan for sets of unknown size joins and sorts, which costs one ballot twice
# as much. The update of the exposure is the compare-and-set: of several equal requests one finds it open. Exposures,
# then pairs, are locked in one fixed order, so that batches with some in common wait for each other instead of
# deadlocking. The lock on the voter makes who blocks or forgets them wait for what was let in before.
# Returned are the tokens of what was recorded.
CAST = """
CREATE OR REPLACE FUNCTION voting_cast(
    the_voter uuid, sent_tokens uuid[], sent_verdicts text[], sent_times int[], sent_clients text[],
    the_now timestamptz, the_oldest timestamptz, the_simulated boolean
) RETURNS SETOF uuid LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    known record;
    shown record;
    place int;
    pairs bigint[] := '{}';
    said text[] := '{}';
BEGIN
    SELECT blocked_at IS NULL AS counted, block_reason INTO known
    FROM voting_voter WHERE id = the_voter AND forgotten_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF cardinality(sent_tokens) > 1 THEN
        PERFORM FROM voting_exposure WHERE token = ANY (sent_tokens) AND voter_id = the_voter
        ORDER BY id FOR NO KEY UPDATE;
    END IF;
    FOR place IN 1 .. cardinality(sent_tokens) LOOP
        UPDATE voting_exposure exposure SET answered_at = the_now FROM studies_study study
        WHERE exposure.token = sent_tokens[place] AND exposure.voter_id = the_voter AND exposure.answered_at IS NULL
          AND exposure.taken_back = 0 AND exposure.leased_until >= the_oldest
          AND study.id = exposure.study_id AND study.state = 'open'
          AND (sent_verdicts[place] <> 'tie' OR study.mode = 'two')
        RETURNING exposure.id, exposure.study_id, exposure.pair_id, exposure.kind INTO shown;
        CONTINUE WHEN NOT FOUND;
        INSERT INTO voting_vote (exposure_id, study_id, pair_id, voter_id, verdict, response_ms, client_id, counted,
                                 void_reason, simulated, voted_at)
        VALUES (shown.id, shown.study_id, shown.pair_id, the_voter, sent_verdicts[place], sent_times[place],
                sent_clients[place], known.counted, CASE WHEN known.counted THEN '' ELSE known.block_reason END,
                the_simulated, the_now);
        IF known.counted AND shown.kind IN ('study', 'control') AND sent_verdicts[place] IN ('dope', 'nope', 'skip') THEN
            pairs := pairs || shown.pair_id;
            said := said || sent_verdicts[place];
        END IF;
        RETURN NEXT sent_tokens[place];
    END LOOP;
    FOR shown IN SELECT * FROM unnest(pairs, said) AS counts (pair_id, verdict) ORDER BY pair_id LOOP
        UPDATE studies_pair
        SET dope = dope + (shown.verdict = 'dope')::int, nope = nope + (shown.verdict = 'nope')::int,
            skip = skip + (shown.verdict = 'skip')::int
        WHERE id = shown.pair_id;
    END LOOP;
END $$
"""

# The study is looked up here, too, so that a deck speaks of it as it is now. The row of the visit is locked: two decks
# asked for at once would both find the same pairs unseen.
BEGIN = """
CREATE FUNCTION voting_begin(
    the_slug text, the_voter uuid, the_now timestamptz, the_address text, the_address_until timestamptz, most int,
    OUT study_id bigint, OUT mode text, OUT random_sides boolean, OUT gold_share float8, OUT repeat_share float8,
    OUT state text, OUT opened_at timestamptz, OUT catalogue_id bigint, OUT withdrawals int,
    OUT visit bigint, OUT dealt int, OUT allowance float8, OUT version int, OUT has_open boolean,
    OUT is_forgotten boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT study.id, study.mode, study.random_sides, study.gold_share, study.repeat_share, study.state,
           study.opened_at, catalogue.id, catalogue.withdrawals
    INTO study_id, mode, random_sides, gold_share, repeat_share, state, opened_at, catalogue_id, withdrawals
    FROM studies_study study JOIN catalog_catalogue catalogue ON catalogue.id = study.catalogue_id
    WHERE study.slug = the_slug;
    IF NOT FOUND OR state <> 'open' THEN
        RETURN;
    END IF;
    SELECT forgotten_at IS NOT NULL INTO is_forgotten FROM voting_voter WHERE id = the_voter;
    IF NOT FOUND THEN
        INSERT INTO voting_voter (id, created_at, address, address_until, block_reason, trusted)
        VALUES (the_voter, the_now, the_address, the_address_until, '', false) ON CONFLICT DO NOTHING;
    END IF;
    LOOP
        SELECT held.id, held.dealt,
               least(most, held.allowance + most / 60.0 * extract(epoch FROM the_now - held.allowance_at))
        INTO visit, dealt, allowance FROM voting_visit held
        WHERE held.voter_id = the_voter AND held.study_id = voting_begin.study_id FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO voting_visit (voter_id, study_id, dealt, allowance, allowance_at)
        VALUES (the_voter, voting_begin.study_id, 0, most, the_now) ON CONFLICT DO NOTHING;
    END LOOP;
    SELECT max(design.version) INTO version FROM voting_design design WHERE design.study_id = voting_begin.study_id;
    has_open := EXISTS (
        SELECT FROM voting_exposure open
        WHERE open.voter_id = the_voter AND open.study_id = voting_begin.study_id AND open.answered_at IS NULL
          AND open.leased_until < the_now
    );
END $$
"""

# Looked up one by one, in this order: where the planner's statistics are of another day, as in the first minute after
# much was written, it would take tables for empty and multiply them with each other.
CARDS = """
CREATE TYPE voting_card AS (
    exposure bigint, token uuid, "group" uuid, side varchar, query varchar, query_width int, query_height int,
    candidate varchar, candidate_width int, candidate_height int
);
CREATE FUNCTION voting_cards(exposures bigint[]) RETURNS SETOF voting_card LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT exposure.id, exposure.token, exposure."group", exposure.side,
           asked.public_id, asked.width, asked.height, shown.public_id, shown.width, shown.height
    FROM unnest(exposures) AS wanted (id)
    CROSS JOIN LATERAL (SELECT * FROM voting_exposure WHERE voting_exposure.id = wanted.id OFFSET 0) exposure
    CROSS JOIN LATERAL (
        SELECT query.item_id, pair.candidate_id, gold.picture_id
        FROM studies_pair pair JOIN studies_query query ON query.id = pair.query_id
        LEFT JOIN voting_gold gold ON gold.pair_id = pair.id
        WHERE pair.id = exposure.pair_id OFFSET 0
    ) dealt
    CROSS JOIN LATERAL (
        SELECT picture.public_id, picture.width, picture.height
        FROM catalog_item item JOIN catalog_picture picture ON picture.id = item.picture_id
        WHERE item.id = dealt.item_id OFFSET 0
    ) asked
    CROSS JOIN LATERAL (
        SELECT picture.public_id, picture.width, picture.height FROM catalog_picture picture
        WHERE picture.id = coalesce(
            dealt.picture_id, (SELECT item.picture_id FROM catalog_item item WHERE item.id = dealt.candidate_id)
        ) OFFSET 0
    ) shown;
END $$
"""

# Written in the order in which they were dealt; returned is what is to be shown of them.
DEAL = """
CREATE FUNCTION voting_deal(
    the_visit bigint, now_dealt int, now_allowance float8, the_voter uuid, the_study bigint, the_now timestamptz,
    the_lease timestamptz, tokens uuid[], pairs bigint[], kinds text[], propensities float8[], versions int[],
    groups uuid[], sides text[], expectations text[], repeated bigint[]
) RETURNS SETOF voting_card LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    written bigint[];
BEGIN
    UPDATE voting_visit SET dealt = now_dealt, allowance = now_allowance, allowance_at = the_now WHERE id = the_visit;
    WITH inserted AS (
        INSERT INTO voting_exposure (voter_id, study_id, served_at, leased_until, taken_back, token, pair_id, kind,
                                     propensity, design_version, "group", side, expected, repeats_id)
        SELECT the_voter, the_study, the_now, the_lease, 0, token, pair, kind, propensity, version, hand, side,
               expected, repeats
        FROM unnest(tokens, pairs, kinds, propensities, versions, groups, sides, expectations, repeated)
            WITH ORDINALITY AS dealt (token, pair, kind, propensity, version, hand, side, expected, repeats, place)
        ORDER BY place RETURNING id
    )
    SELECT array_agg(id ORDER BY id) INTO written FROM inserted;
    RETURN QUERY SELECT * FROM voting_cards(written);
END $$
"""

# The newest first. A function, too: a deck with a repeat must not take longer than others.
REPEATABLE = """
CREATE FUNCTION voting_repeatable(the_voter uuid, the_study bigint, most int)
RETURNS TABLE (hand uuid, exposure bigint, pair bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT coalesce(shown."group", shown.token), shown.id, shown.pair_id
    FROM voting_vote vote JOIN voting_exposure shown ON shown.id = vote.exposure_id
    JOIN studies_pair ON studies_pair.id = shown.pair_id JOIN studies_query query ON query.id = studies_pair.query_id
    WHERE vote.voter_id = the_voter AND vote.study_id = the_study AND vote.void_reason = ''
      AND vote.verdict IN ('dope', 'nope') AND shown.kind IN ('study', 'control')
      AND NOT EXISTS (SELECT FROM voting_exposure again WHERE again.repeats_id = shown.id)
      AND NOT EXISTS (SELECT FROM studies_pairflag flag WHERE flag.pair_id = shown.pair_id AND flag.state = 'active')
      AND NOT EXISTS (
          SELECT FROM catalog_flag flag
          WHERE flag.item_id IN (query.item_id, studies_pair.candidate_id) AND flag.state = 'active'
      )
      AND NOT EXISTS (
          SELECT FROM catalog_item item
          WHERE item.id IN (query.item_id, studies_pair.candidate_id) AND item.removed AND NOT item.replaced
      )
    ORDER BY vote.voted_at DESC, vote.id DESC LIMIT most;
END $$
"""

# A vote changes a row of the exposures and one of the pairs in columns that no index knows. Where their pages have room
# for the new rows, no index is touched: else each vote would write to a dozen places.
ROOM = """
ALTER TABLE voting_exposure SET (fillfactor = 85);
ALTER TABLE studies_pair SET (fillfactor = 85);
"""
NO_ROOM = """
ALTER TABLE voting_exposure RESET (fillfactor);
ALTER TABLE studies_pair RESET (fillfactor);
"""


class Migration(migrations.Migration):
    dependencies = [("voting", "0005_forgotten_voters")]

    operations = [
        migrations.RunSQL(ROOM, NO_ROOM),
        migrations.RemoveIndex(model_name="exposure", name="exposures_of_voter"),
        migrations.AddIndex(
            model_name="exposure", index=models.Index(fields=["voter", "study"], name="exposures_of_voter")
        ),
        migrations.AlterField(
            model_name="exposure",
            name="kind",
            field=models.CharField(
                choices=[
                    ("study", "Study"),
                    ("gold", "Gold"),
                    ("filler", "Filler"),
                    ("repeat", "Repeat"),
                    ("control", "Control"),
                    ("imported", "Imported"),
                ],
                default="study",
                max_length=10,
            ),
        ),
        migrations.RunSQL(CAST, CAST_BEFORE),
        migrations.RunSQL(BEGIN, "DROP FUNCTION voting_begin"),
        migrations.RunSQL(CARDS, "DROP FUNCTION voting_cards; DROP TYPE voting_card"),
        migrations.RunSQL(DEAL, "DROP FUNCTION voting_deal"),
        migrations.RunSQL(REPEATABLE, "DROP FUNCTION voting_repeatable"),
        *(
            # A reference that was checked is a lock on the row it names, and on a study's row all voters would meet.
            # What remains vouches for these: a vote's exposure names the pair and the voter, the pair its study.
            migrations.AlterField(
                model_name=model,
                name=field,
                field=models.ForeignKey(
                    db_constraint=False,
                    db_index=indexed,
                    on_delete=django.db.models.deletion.CASCADE,
                    related_name=f"{model}s",
                    to=to,
                ),
            )
            for model, field, to, indexed in (
                ("exposure", "study", "studies.study", False),
                ("vote", "study", "studies.study", False),
                ("vote", "pair", "studies.pair", True),
                ("vote", "voter", "voting.voter", False),
            )
        ),
    ]
