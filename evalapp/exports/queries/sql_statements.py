"""The statements behind an export. Each ends in an order that does not change; `%(study)s` is the study's id."""

from __future__ import annotations

# Votes are numbered anew, moments are of the hour and times of answering of tenths of a second, so that no column leads
# from a pseudonym of one export to that of another; what was answered stays the same in both.
VOTES = """
SELECT row_number() OVER (ORDER BY vote.id), vote.pair_id, replace(vote.voter_id::text, '-', ''), vote.verdict,
       exposure.kind, vote.counted, vote.void_reason, (round(vote.response_ms / 100.0) * 100)::int,
       date_trunc('hour', exposure.served_at AT TIME ZONE 'UTC'), date_trunc('hour', vote.voted_at AT TIME ZONE 'UTC'),
       nullif(exposure.propensity, 0), exposure.side, vote.simulated
FROM voting_vote vote JOIN voting_exposure exposure ON exposure.id = vote.exposure_id
JOIN voting_voter voter ON voter.id = vote.voter_id
WHERE vote.study_id = %(study)s AND voter.forgotten_at IS NULL ORDER BY vote.id
"""

# The split is that of training from votes (`models_registry.evaluate.split_of`, salt `votes/CATALOGUE`): the first bits
# of a hash of the product, else of the picture, as a share of 1. Pairs with ends in different parts are in none.
PAIRS = """
WITH placed AS MATERIALIZED (
    SELECT item.id, item.key, ('x' || left(encode(sha256(convert_to('votes/' || catalogue.slug || '/' ||
               CASE WHEN item.product <> '' THEN 'product/' || item.product ELSE 'item/' || picture.sha256 END,
               'UTF8')), 'hex'), 13))::bit(52)::bigint / 4503599627370496::float8 AS place
    FROM catalog_item item JOIN catalog_picture picture ON picture.id = item.picture_id
    JOIN catalog_catalogue catalogue ON catalogue.id = item.catalogue_id
    WHERE item.id IN (SELECT item_id FROM studies_query WHERE study_id = %(study)s
                      UNION SELECT candidate_id FROM studies_pair WHERE study_id = %(study)s)
), parted AS MATERIALIZED (
    SELECT id, key, CASE WHEN place < 0.7 THEN 'train' WHEN place < 0.8 THEN 'val' ELSE 'test' END AS split FROM placed
)
SELECT pair.id, asked.key, candidate.key, pair.dope, pair.nope, pair.skip,
       CASE WHEN asked.split = candidate.split THEN asked.split ELSE 'dropped' END
FROM studies_pair pair JOIN studies_query query ON query.id = pair.query_id
JOIN parted asked ON asked.id = query.item_id JOIN parted candidate ON candidate.id = pair.candidate_id
WHERE pair.study_id = %(study)s ORDER BY pair.id
"""

NOMINATIONS = """
SELECT nomination.pair_id, contender.name, nomination.rank, nomination.distance
FROM studies_nomination nomination JOIN studies_contender contender ON contender.id = nomination.contender_id
WHERE contender.study_id = %(study)s ORDER BY nomination.pair_id, nomination.contender_id
"""

# Everything that can be named by another table: the gallery, the queries, and candidates that left the gallery since.
_ITEMS = """
WITH item AS MATERIALIZED (
    SELECT * FROM catalog_item WHERE id IN (
        SELECT unnest(items) FROM studies_gallery WHERE study_id = %(study)s
        UNION SELECT item_id FROM studies_query WHERE study_id = %(study)s
        UNION SELECT candidate_id FROM studies_pair WHERE study_id = %(study)s)
)
"""

ITEMS = (
    _ITEMS
    + """
SELECT item.key, item.path, picture.sha256, item.category, item.product, item.domain, item.x1, item.y1, item.x2,
       item.y2, item.attributes, item.split
FROM item JOIN catalog_picture picture ON picture.id = item.picture_id ORDER BY item.key COLLATE "C"
"""
)

# What is flagged misleads: it is told in votes and pairs, as what happened, and left out of what is made to be learnt
# from.
_FLAGGED = """
SELECT flagged.id FROM studies_pair flagged JOIN studies_query shown ON shown.id = flagged.query_id
WHERE flagged.study_id = %(study)s AND (
    EXISTS (SELECT 1 FROM studies_pairflag flag WHERE flag.pair_id = flagged.id AND flag.state = 'active')
    OR EXISTS (SELECT 1 FROM catalog_flag flag
               WHERE flag.item_id IN (shown.item_id, flagged.candidate_id) AND flag.state = 'active'))
"""

# The share of dope has one vote of either kind added, so that the weight is small while there are few votes.
TRIPLETS = f"""
WITH voted AS MATERIALIZED (
    SELECT pair.id, pair.query_id, candidate.key, (pair.dope + 1)::float8 / (pair.dope + pair.nope + 2) AS share
    FROM studies_pair pair JOIN catalog_item candidate ON candidate.id = pair.candidate_id
    WHERE pair.study_id = %(study)s AND pair.dope <> pair.nope AND pair.id NOT IN ({_FLAGGED})
)
SELECT asked.key, liked.key, noped.key, liked.share - noped.share
FROM voted liked JOIN voted noped ON noped.query_id = liked.query_id AND liked.share > 0.5 AND noped.share < 0.5
JOIN studies_query query ON query.id = liked.query_id JOIN catalog_item asked ON asked.id = query.item_id
ORDER BY liked.query_id, liked.id, noped.id
"""

# open-metric-learning wants a number for what belongs together: the product, else the category, else nothing else.
# A row of the validation split is a query if another row of its label can be found.
OML = (
    _ITEMS
    + """
, labelled AS (
    SELECT *, CASE WHEN split = 'train' THEN 'train' ELSE 'validation' END AS part,
           CASE WHEN product <> '' THEN 'p ' || product WHEN category <> '' THEN 'c ' || category
                ELSE 'k ' || key END AS belongs FROM item
    WHERE NOT EXISTS (SELECT 1 FROM catalog_flag flag WHERE flag.item_id = item.id AND flag.state = 'active')
)
SELECT dense_rank() OVER (ORDER BY belongs COLLATE "C") - 1, path, part,
       CASE WHEN part = 'validation' THEN count(*) OVER (PARTITION BY belongs, part) > 1 END,
       CASE WHEN part = 'validation' THEN true END, category, x1, x2, y1, y2
FROM labelled ORDER BY key COLLATE "C"
"""
)

# Places of the items are those of the rows of ITEMS, from 0.
VERDICTS = (
    _ITEMS
    + f"""
, placed AS MATERIALIZED (SELECT id, row_number() OVER (ORDER BY key COLLATE "C") - 1 AS place FROM item)
SELECT asked.place, candidate.place, pair.dope, pair.nope
FROM studies_pair pair JOIN studies_query query ON query.id = pair.query_id
JOIN placed asked ON asked.id = query.item_id JOIN placed candidate ON candidate.id = pair.candidate_id
WHERE pair.study_id = %(study)s AND pair.dope <> pair.nope AND pair.id NOT IN ({_FLAGGED}) ORDER BY pair.id
"""
)

# What makes one state of a study's votes differ from another: people who vote, take back, are set aside, or leave.
STATE = """
SELECT count(*), max(vote.id), count(*) FILTER (WHERE vote.counted), count(voter.forgotten_at)
FROM voting_vote vote JOIN voting_voter voter ON voter.id = vote.voter_id WHERE vote.study_id = %(study)s
"""

ROWS = """
SELECT (SELECT count(*) FROM voting_vote WHERE study_id = %(study)s)
     + (SELECT count(*) FROM studies_pair WHERE study_id = %(study)s)
     + (SELECT count(*) FROM studies_nomination nomination JOIN studies_contender contender
        ON contender.id = nomination.contender_id WHERE contender.study_id = %(study)s)
     + (SELECT coalesce(array_length(items, 1), 0) FROM studies_gallery WHERE study_id = %(study)s)
"""

STATEMENTS = {
    "votes": VOTES,
    "pairs": PAIRS,
    "nominations": NOMINATIONS,
    "items": ITEMS,
    "triplets": TRIPLETS,
    "oml": OML,
    "verdicts": VERDICTS,
}
