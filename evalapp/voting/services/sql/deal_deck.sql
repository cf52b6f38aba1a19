-- Write the exposures of a deck in the order in which they were dealt, and count them in the visit.
-- Returned is what is to be shown of them, as by voting_deck_cards.
CREATE FUNCTION voting_deal_deck(
    the_visit bigint, now_dealt int, now_allowance float8, the_voter uuid, the_study bigint, the_now timestamptz,
    the_lease timestamptz, tokens uuid[], pairs bigint[], kinds text[], propensities float8[], versions int[],
    groups uuid[], sides text[], expectations text[], repeated bigint[]
) RETURNS TABLE (
    exposure bigint, token uuid, "group" uuid, side varchar, query varchar, query_width int, query_height int,
    candidate varchar, candidate_width int, candidate_height int
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    written bigint[];
BEGIN
    UPDATE voting_visit SET dealt = now_dealt, allowance = now_allowance, allowance_at = the_now WHERE id = the_visit;
    WITH inserted AS (
        INSERT INTO voting_exposure (voter_id, study_id, served_at, leased_until, taken_back, token, pair_id, kind,
                                     propensity, design_version, "group", side, expected, repeats_id)
        SELECT the_voter, the_study, the_now, the_lease, 0, dealt.token, dealt.pair, dealt.kind, dealt.propensity,
               dealt.version, dealt.hand, dealt.side, dealt.expected, dealt.repeats
        FROM unnest(tokens, pairs, kinds, propensities, versions, groups, sides, expectations, repeated)
            WITH ORDINALITY AS dealt (token, pair, kind, propensity, version, hand, side, expected, repeats, place)
        ORDER BY dealt.place RETURNING id
    )
    SELECT array_agg(id ORDER BY id) INTO written FROM inserted;
    RETURN QUERY SELECT * FROM voting_deck_cards(written);
END $$;
