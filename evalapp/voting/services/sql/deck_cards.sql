-- What is shown for these exposures: the two pictures of each with their original sizes, and the side. Of an item with a
-- box it is the cutout in the study's style; `catalog/queries.py` says the same in Python (`shown_of`).
--
-- Looked up one by one, in this order: where the planner's statistics are of another day, as in the first minute after
-- much was written, it would take tables for empty and multiply them with each other.
CREATE FUNCTION voting_deck_cards(exposures bigint[]) RETURNS TABLE (
    exposure bigint, token uuid, "group" uuid, side varchar, query varchar, query_width int, query_height int,
    candidate varchar, candidate_width int, candidate_height int
) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY
    SELECT exposure.id, exposure.token, exposure."group", exposure.side,
           asked.public_id, asked.width, asked.height, shown.public_id, shown.width, shown.height
    FROM unnest(exposures) AS wanted (id)
    CROSS JOIN LATERAL (SELECT * FROM voting_exposure WHERE voting_exposure.id = wanted.id OFFSET 0) exposure
    CROSS JOIN LATERAL (
        SELECT query.item_id, pair.candidate_id, gold.picture_id, study.dim_boxes, study.box_margin
        FROM studies_pair pair JOIN studies_query query ON query.id = pair.query_id
        JOIN studies_study study ON study.id = pair.study_id
        LEFT JOIN voting_gold gold ON gold.pair_id = pair.id
        WHERE pair.id = exposure.pair_id OFFSET 0
    ) dealt
    CROSS JOIN LATERAL (
        SELECT * FROM voting_shown(dealt.item_id, NULL, dealt.dim_boxes, dealt.box_margin)
    ) asked
    CROSS JOIN LATERAL (
        SELECT * FROM voting_shown(dealt.candidate_id, dealt.picture_id, dealt.dim_boxes, dealt.box_margin)
    ) shown;
END $$;
