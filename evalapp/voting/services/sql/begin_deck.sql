-- Lock the voter's visit to the study, made if there is none, as is the voter; returned is what a deck depends on.
-- A study that is missing or not open comes back alone, with nothing done.
--
-- The study is looked up here, too, so that a deck speaks of it as it is now. The row of the visit is locked: two decks
-- asked for at once would both find the same pairs unseen.
CREATE FUNCTION voting_begin_deck(
    the_slug text, the_voter uuid, the_now timestamptz, the_address text, the_address_until timestamptz, most int,
    OUT study_id bigint, OUT mode text, OUT random_sides boolean, OUT gold_share float8, OUT repeat_share float8,
    OUT state text, OUT opened_at timestamptz, OUT withdrawals int, OUT visit bigint, OUT dealt int,
    OUT allowance float8, OUT version int, OUT has_open boolean, OUT is_forgotten boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    SELECT study.id, study.mode, study.random_sides, study.gold_share, study.repeat_share, study.state,
           study.opened_at, catalogue.withdrawals
    INTO study_id, mode, random_sides, gold_share, repeat_share, state, opened_at, withdrawals
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
        WHERE held.voter_id = the_voter AND held.study_id = voting_begin_deck.study_id FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO voting_visit (voter_id, study_id, dealt, allowance, allowance_at)
        VALUES (the_voter, voting_begin_deck.study_id, 0, most, the_now) ON CONFLICT DO NOTHING;
    END LOOP;
    SELECT max(design.version) INTO version FROM voting_design design WHERE design.study_id = voting_begin_deck.study_id;
    has_open := EXISTS (
        SELECT FROM voting_exposure open
        WHERE open.voter_id = the_voter AND open.study_id = voting_begin_deck.study_id AND open.answered_at IS NULL
          AND open.leased_until < the_now
    );
END $$;
