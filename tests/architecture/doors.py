"""Every job of an operator with its three doors: the command, the address under /api/v1/, the address in the lab.

The first services named stand behind the job: each door's own code, or a form beside it, must call one of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """A job in words, the services that do it, and where it is asked for."""

    about: str
    services: tuple[str, ...]
    command: str
    api: str
    page: str


JOBS = (
    Job("ask people, from pictures and networks", ("request_quick_start",), "ask", "api-starts", "lab-start"),
    Job("see what needs me", ("waiting_matters",), "ask", "api-matters", "lab"),
    Job("make a catalogue", ("create_catalogue",), "change_catalogue", "api-catalogues", "lab-catalogue-new"),
    Job("bring pictures", ("request_import", "import_rows"), "import_catalogue", "api-imports", "lab-catalogue-import"),
    Job("rename a catalogue", ("rename_catalogue",), "change_catalogue", "api-catalogue", "lab-catalogue-change"),
    Job("put a catalogue away", ("archive_catalogue",), "change_catalogue", "api-catalogue", "lab-catalogue-change"),
    Job("delete a catalogue", ("delete_catalogue",), "change_catalogue", "api-catalogue", "lab-catalogue-change"),
    Job("remove pictures", ("remove_items",), "flag", "api-items", "lab-catalogue-flags"),
    Job("take pictures down", ("withdraw_pictures",), "withdraw_pictures", "api-withdraw", "lab-catalogue-flags"),
    Job("flag pictures", ("flag_items",), "flag", "api-flags", "lab-catalogue-flags"),
    Job("lift flags of pictures", ("lift_flags",), "flag", "api-flags", "lab-catalogue-flags"),
    Job(
        "propose triplets from labels",
        ("propose_from_labels",),
        "propose_triplets",
        "api-triplet-queue",
        "lab-review-propose",
    ),
    Job(
        "propose triplets from votes", ("propose_from_votes",), "propose_triplets", "api-triplets", "lab-study-triplets"
    ),
    Job("review triplets", ("decide_triplet",), "review_triplets", "api-triplet-queue", "lab-review-decide"),
    Job(
        "find pictures that may be at fault",
        ("request_examination", "suspected_items"),
        "suspected_faults",
        "api-examinations",
        "lab-examination-new",
    ),
    Job(
        "score an encoder as papers do",
        ("request_examination", "score_by_protocol"),
        "evaluate_protocol",
        "api-examinations",
        "lab-examination-new",
    ),
    Job(
        "register a model", ("request_registration", "register_model"), "register_model", "api-models", "lab-model-new"
    ),
    Job(
        "bring a locator or masker",
        ("request_region", "register_region"),
        "register_locator",
        "api-regions",
        "lab-region-new",
    ),
    Job(
        "change how a model reads pictures",
        ("request_preprocessing", "change_preprocessing"),
        "change_model",
        "api-model-preprocessing",
        "lab-model-change",
    ),
    Job("rename a model", ("rename_model",), "change_model", "api-model", "lab-model-change"),
    Job("put a model away", ("archive_model",), "change_model", "api-model", "lab-model-change"),
    Job("delete a model", ("delete_model",), "change_model", "api-model", "lab-model-change"),
    Job("draw a map", ("request_map",), "draw_map", "api-maps", "lab-map-new"),
    Job("see storage", ("list_holdings",), "storage", "api-storage", "lab-storage"),
    Job("free storage", ("prune_vectors",), "storage", "api-storage", "lab-storage-prune"),
    Job("make a study", ("create_study",), "create_study", "api-studies", "lab-study-new"),
    Job("change its words", ("change_study",), "change_study", "api-study", "lab-study-change"),
    Job("let it be framed", ("set_embed_hosts",), "change_study", "api-study", "lab-study-change"),
    Job("show examples first", ("set_examples",), "change_study", "api-study", "lab-study-shown-first"),
    Job("copy a study", ("copy_study",), "change_study", "api-study-copy", "lab-study-copy"),
    Job("put a study away", ("archive_study",), "change_study", "api-study", "lab-study-put-away"),
    Job("delete a study", ("delete_study",), "change_study", "api-study", "lab-study-put-away"),
    Job("compute it", ("request_job",), "precompute", "api-study-precompute", "lab-study-precompute"),
    Job("open it", ("open_study",), "open_study", "api-study-open", "lab-study-open"),
    Job("close it", ("close_study",), "close_study", "api-study-close", "lab-study-close"),
    Job("draft the next round", ("start_round",), "start_round", "api-rounds", "lab-study-round"),
    Job("archive a contender", ("archive_contender",), "change_study", "api-contender-archive", "lab-study-archive"),
    Job("return a contender", ("return_contender",), "change_study", "api-contender-archive", "lab-study-archive"),
    Job("flag pairs", ("flag_pairs",), "flag_pairs", "api-pair-flags", "lab-study-flag"),
    Job("put pairs back", ("lift_pair_flags",), "flag_pairs", "api-pair-flags", "lab-study-flag"),
    Job("lift reports", ("lift_reports",), "lift_reports", "api-reports", "lab-study-lift"),
    Job("see automatic scores", ("evaluate_study", "stored_evaluation"), "evaluate", "api-study-scores", "lab-study"),
    Job(
        "measure robustness",
        ("request_job", "measure_contender"),
        "robustness",
        "api-robustness",
        "lab-study-measure",
    ),
    Job("bring votes", ("import_votes",), "import_votes", "api-import-votes", "lab-import-votes"),
    Job("bring answers", ("import_answers",), "import_answers", "api-import-answers", "lab-import-answers"),
    Job("simulate votes", ("simulate_votes",), "simulate_votes", "api-simulated-votes", "lab-study-simulate"),
    Job("keep the board", ("take_snapshot",), "snapshot", "api-snapshots", "board-keep"),
    Job("declare a snapshot", ("declare_snapshot",), "snapshot", "api-snapshots", "board-declare"),
    Job("export", ("request_export", "export_study"), "export", "api-exports", "export-add"),
    Job("delete an export", ("remove_export",), "export", "api-export", "export-remove"),
    Job("learn from labels", ("begin_comparison", "begin_run"), "train", "api-training-runs", "lab-training-labels"),
    Job("compare encoders", ("begin_comparison",), "compare_backbones", "api-backbones", "lab-training-labels"),
    Job("sweep over settings", ("begin_sweep",), "sweep", "api-sweep", "lab-training-labels"),
    Job(
        "lay costs beside worth",
        ("request_costs", "cost_of"),
        "compare_backbones",
        "api-costs",
        "lab-training-costs",
    ),
    Job(
        "list what runs learnt from",
        ("kept_snapshots",),
        "snapshots",
        "api-training-snapshots",
        "lab-training-snapshots",
    ),
    Job(
        "take away what a run learnt from",
        ("request_snapshot", "export_snapshot"),
        "snapshots",
        "api-run-snapshot",
        "training-snapshot",
    ),
    Job("look at an autoencoder's codes", ("walk_of",), "latent_walk", "api-walk", "training-walk"),
    Job(
        "take an encoder away in 8-bit numbers",
        ("request_checkpoint", "quantise"),
        "checkpoint",
        "api-checkpoint",
        "training-checkpoint",
    ),
    Job(
        "take an encoder away",
        ("request_checkpoint", "take_away"),
        "checkpoint",
        "api-checkpoint",
        "training-checkpoint",
    ),
    Job("learn from votes", ("begin_retraining",), "retrain", "api-training-runs", "lab-training"),
    Job("learn by the clock", ("set_schedule",), "retrain", "api-schedules", "lab-training"),
    Job("adopt the winner", ("adopt_contender",), "adopt", "api-adopt", "lab-study-adopt"),
    Job("make an index", ("create_index",), "create_index", "api-indexes", "lab-search-new"),
    Job("build an index", ("request_build",), "build_index", "api-index-build", "lab-search-change"),
    Job("measure engines", ("request_experiment",), "evaluate_index", "api-index-experiments", "lab-search-change"),
    Job("let people search", ("publish_index",), "change_index", "api-index", "lab-search-change"),
    Job("delete an index", ("delete_index",), "change_index", "api-index", "lab-search-change"),
    Job("tag photos", ("bring_photo", "take_photo", "decide_tag"), "tag_photo", "api-photos", "lab-tags-new"),
    Job("forget a tagged photo", ("forget_photo",), "tag_photo", "api-photo", "lab-tag-decide"),
    Job("choose who suggests boxes", ("choose_locator",), "change_index", "api-index", "lab-search-change"),
    Job("find duplicates", ("request_scan",), "find_duplicates", "api-duplicates", "lab-duplicates"),
    Job("decide duplicates", ("decide_pair",), "decide_duplicates", "api-duplicates", "lab-duplicate-decide"),
    Job("add a webhook", ("add_webhook",), "webhooks", "api-webhooks", "webhook-add"),
    Job("remove a webhook", ("remove_webhook",), "webhooks", "api-webhook", "webhook-remove"),
    Job("end a rehearsal", ("end_rehearsal",), "end_rehearsal", "api-rehearsal", "lab-end-rehearsal"),
    Job("add an operator", ("create_operator",), "create_operator", "api-operators", "operator-add"),
    Job("set a voter aside", ("block_voter",), "voters", "api-voter-block", "voter-block"),
    Job("take a voter back", ("unblock_voter",), "voters", "api-voter-unblock", "voter-block"),
    Job("back up", ("request_backup", "write_backup"), "backup", "api-backups", "backup-add"),
    Job("try a webhook", ("try_webhook",), "webhooks", "api-webhook-ping", "webhook-ping"),
    Job("watch jobs", ("recent_jobs",), "jobs", "api-jobs", "lab-jobs"),
    Job("cancel a job", ("cancel_job",), "jobs", "api-job-cancel", "job-cancel"),
    Job("resume a job", ("resume_job",), "jobs", "api-job-resume", "job-resume"),
    Job("look whether all is in order", ("gather_findings",), "doctor", "api-doctor", "lab-health"),
)

EXCUSED = {
    # Visitors' own: they have a page and the API, and no command.
    "cast_votes", "deck_for", "undo_votes", "forget_voter", "take_feedback", "keep_photo", "switch_taste",
    # Of the machine: who may run commands on it owns it.
    "make_token", "write_backup", "restore_backup", "collect_if_changed", "rebuild_sums", "keep_for_forks",
    "update_sums", "refresh_report", "advance_turn", "crew", "watch", "celery", "programs", "review", "pack", "post",
    # Steps of a job above, and reads beside it.
    "upsert_items", "check_texts", "drop_same_bytes", "parse_base", "free_slug", "in_words", "propose_triplets",
    "unblock_address", "block_address", "remove_backup", "pause_schedule", "resume_schedule", "open_live_test",
    "open_test_of",
    "import_by_id", "close_live_test", "mapping_from_text", "ensure_rendition_on_request",
    "check_model_name", "settle_flags", "set_aside",
}  # fmt: skip
"""Writes that need no three doors, by name."""
