-- Record the votes of one voter that can be recorded, all of them or, where the database fails, none.
-- Returned are the tokens of what was recorded; `_LockedExposures` in vote_casting.py says what became of the others.
--
-- Each vote by itself and by its keys: a plan for sets of unknown size joins and sorts, which costs one vote twice as
-- much. The update of the exposure is the compare-and-set: of several equal requests one finds it open. Exposures, then
-- pairs, are locked in one fixed order, so that batches with some in common wait for each other instead of deadlocking.
-- The lock on the voter makes a block or a wish to be forgotten wait for the votes that were let in before it.
--
-- What was taken back once is left to Python: whether the same client sends it again can be read only under the lock
-- of the exposure, and this function would read it before.
CREATE FUNCTION voting_cast_votes(
    the_voter uuid, sent_tokens uuid[], sent_verdicts text[], sent_times int[], sent_clients text[],
    the_now timestamptz, the_oldest timestamptz, the_simulated boolean
) RETURNS TABLE (token uuid) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
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
        PERFORM FROM voting_exposure exposure WHERE exposure.token = ANY (sent_tokens) AND exposure.voter_id = the_voter
        ORDER BY exposure.id FOR NO KEY UPDATE;
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
        IF known.counted AND shown.kind IN ('study', 'control', 'imported')
           AND sent_verdicts[place] IN ('dope', 'nope', 'skip') THEN
            pairs := pairs || shown.pair_id;
            said := said || sent_verdicts[place];
        END IF;
        token := sent_tokens[place];
        RETURN NEXT;
    END LOOP;
    FOR shown IN SELECT * FROM unnest(pairs, said) AS counts (pair_id, verdict) ORDER BY pair_id LOOP
        UPDATE studies_pair
        SET dope = dope + (shown.verdict = 'dope')::int, nope = nope + (shown.verdict = 'nope')::int,
            skip = skip + (shown.verdict = 'skip')::int
        WHERE id = shown.pair_id;
    END LOOP;
END $$;
