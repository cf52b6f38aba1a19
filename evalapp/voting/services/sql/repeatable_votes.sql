-- The voter's newest verdicts that were not asked for again and whose pairs are in play, the newest first.
-- A function so that a deck with a repeat takes no longer than others: the server keeps its plan.
CREATE FUNCTION voting_repeatable_votes(the_voter uuid, the_study bigint, most int)
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
END $$;
