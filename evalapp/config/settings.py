"""One file, read from top to bottom; every value that differs between machines comes from `env`.

With nothing set the product runs by itself: an embedded PostgreSQL, a broker made of files and a secret key,
all under `var/`. Each of them gives way as soon as its variable is set; there is no mode flag.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF

from evalapp import __version__
from evalapp.config import addresses
from evalapp.config.env import (
    env_bool,
    env_choice,
    env_folder,
    env_int,
    env_list,
    env_number,
    env_path,
    env_secret,
    env_str,
)
from evalapp.config.storage import default_storage, origin_of
from evalapp.core.services.embedded.secret import embedded_secret_key

# Lets Django's generic classes be written with their types, such as ModelAdmin[Study].
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parents[2]

# --- Files -------------------------------------------------------------------------------------------------

VAR_DIR = env_folder("VAR_DIR", BASE_DIR / "var")
MEDIA_ROOT = VAR_DIR / "media"
EMBEDDINGS_DIR = VAR_DIR / "embeddings"
TRAINING_DIR = VAR_DIR / "training"
EXPORTS_DIR = VAR_DIR / "exports"
INDEXES_DIR = VAR_DIR / "indexes"
UPLOADS_DIR = VAR_DIR / "uploads"
MEDIA_URL_BASE = env_str("MEDIA_URL_BASE").rstrip("/")
"""Where visitors' browsers find the folder `renditions` of the picture storage; empty lets the web server send them."""
HALF_VECTORS = env_choice("VECTORS", "float32", ["float32", "float16"]) == "float16"
WEIGHTS_DIR = env_path("MODEL_WEIGHTS_DIR", VAR_DIR / "weights")

# --- Who may come in ---------------------------------------------------------------------------------------

DEBUG = env_bool("DEBUG", default=False)
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = [*LOCAL_HOSTS, *addresses.host_names(env_list("ALLOWED_HOSTS", []))]
CSRF_TRUSTED_ORIGINS = addresses.trusted_origins(env_list("CSRF_TRUSTED_ORIGINS", []))
HTTPS = env_bool("HTTPS", default=False)
SECRET_KEY = env_secret("SECRET_KEY") or embedded_secret_key(VAR_DIR)

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|livez|readyz)$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *([origin_of(MEDIA_URL_BASE)] if MEDIA_URL_BASE else [])],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- Applications ------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "evalapp.core",
    "evalapp.webhooks",
    "evalapp.catalog",
    "evalapp.contenders",
    "evalapp.studies",
    "evalapp.voting",
    "evalapp.leaderboard",
    "evalapp.exports",
    "evalapp.search",
    "evalapp.training",
    "evalapp.config",
]

MIDDLEWARE = [
    "evalapp.core.pages.request_ids.RequestIds",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "evalapp.core.pages.languages.VisitorsLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "evalapp.core.pages.acting.ActingUser",
    "evalapp.core.pages.private_answers.PrivateAnswers",
    # Behind the user, before whatever reads forms.
    "evalapp.core.pages.request_limits.RequestLimits",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "evalapp.core.pages.error_pages.FormAddresses",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "evalapp.config.urls"
WSGI_APPLICATION = "evalapp.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "lab"
LOGOUT_REDIRECT_URL = "home"
OPERATOR_PASSWORD = env_secret("OPERATOR_PASSWORD")
"""What `create_operator` gives the one it makes; empty lets it make one up."""

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "frontend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

# --- Database: embedded unless DATABASE_URL points to one --------------------------------------------------

DATABASE_URL = env_secret("DATABASE_URL")
_database: dict[str, Any] = (
    addresses.database_entry(DATABASE_URL)
    if DATABASE_URL
    else {"ENGINE": "evalapp.core.services.embedded.database", "NAME": "dopeornope", "USER": "postgres"}
)
DATABASES = {"default": {**_database, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}

# --- Celery: rows are the jobs, messages are nudges --------------------------------------------------------

WORKER_SILENCE = timedelta(seconds=env_int("WORKER_SILENCE_SECONDS", 60, low=2))
"""A worker that did not beat for this long is taken for dead, and its chunk is given to another."""
WORKER_BEAT_SECONDS = WORKER_SILENCE.total_seconds() / 12
CHUNK_PICTURES = env_int("CHUNK_PICTURES", 256, low=1)
_broker_url = env_secret("CELERY_BROKER_URL")
BROKER_IS_EMBEDDED = _broker_url is None
BROKER_DIR = VAR_DIR / "broker"
CELERY_BROKER_URL = addresses.broker_address(_broker_url) if _broker_url else "filesystem://localhost//"
if BROKER_IS_EMBEDDED:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.2,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
BOARD_SECONDS = env_int("BOARD_SECONDS", 60, low=5)
"""So often boards are looked after: snapshots, and reports of what takes longer than a glance."""
CELERY_BEAT_SCHEDULE = {
    "requeue-what-fell-silent": {
        "task": "core.sweep",
        "schedule": WORKER_SILENCE / 4,
        # Without a worker, sweeps must not pile up.
        "options": {"expires": WORKER_SILENCE.total_seconds()},
    },
    "follow-catalogues": {"task": "studies.follow_catalogues", "schedule": 60.0, "options": {"expires": 60.0}},
    "prepare-known-answers": {"task": "voting.prepare", "schedule": 30.0, "options": {"expires": 30.0}},
    "review-voters": {"task": "voting.review", "schedule": 30.0, "options": {"expires": 30.0}},
    "take-the-loop-further": {"task": "training.turn", "schedule": 30.0, "options": {"expires": 30.0}},
    "look-after-indexes": {"task": "search.tend", "schedule": 10.0, "options": {"expires": 10.0}},
    "deliver-webhooks": {
        "task": "webhooks.deliver",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 10},
    },
    "tend-boards": {
        "task": "leaderboard.tend",
        "schedule": BOARD_SECONDS,
        "options": {"expires": BOARD_SECONDS},
    },
    "forget-old-jobs": {"task": "core.forget", "schedule": 3600.0, "options": {"expires": 3600}},
    "forget-old-deliveries": {"task": "webhooks.forget", "schedule": 3600.0, "options": {"expires": 3600}},
    "forget-old-snapshots": {"task": "leaderboard.forget", "schedule": 3600.0, "options": {"expires": 3600}},
    "aim-the-draw-anew": {
        "task": "leaderboard.refresh",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
}
DEVICE = env_choice("DEVICE", "auto", ["auto", "cpu", "cuda"])
PRICE_PER_HOUR = env_number("PRICE_PER_HOUR", 0)
"""What an hour of a worker's machine costs, in whatever currency; 0 is not known."""

# --- Webhooks ----------------------------------------------------------------------------------------------

WEBHOOK_PRIVATE_HOSTS = env_list("WEBHOOK_PRIVATE_HOSTS", [])
"""Hosts of the operator's own network that webhooks may call; all others must have public addresses."""

# --- What is kept for how long; 0 is for ever ---------------------------------------------------------------

DELIVERIES_KEPT = timedelta(days=env_int("DELIVERIES_KEPT_DAYS", 30))
JOBS_KEPT = timedelta(days=env_int("JOBS_KEPT_DAYS", 365))
SNAPSHOTS_KEPT = timedelta(days=env_int("SNAPSHOTS_KEPT_DAYS", 0))

# --- Exports -----------------------------------------------------------------------------------------------

EXPORT_LINK_LASTS = timedelta(hours=env_int("EXPORT_LINK_HOURS", 24, low=1))
"""A download link works for so long; operators make new ones at will."""

# --- API ---------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # An operation is for operators unless it says otherwise.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "evalapp.core.api.errors.explain_error",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Dope or Nope",
    "DESCRIPTION": "Blind human judgement of visual-search models.",
    # Of the software; the version of the API is in its addresses, /api/v1/.
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
UPLOAD_MB = env_int("UPLOAD_MB", 2048, low=1)
"""The largest file that an operator may send; a zip may unpack to four times as much."""
IMPORT_ROOT = env_str("IMPORT_ROOT")
"""The folder of this machine below which operators may name data sets and networks; empty: none."""
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "evalapp.core.services.uploads.OnDisk",
]
WEB_WORKERS = env_int("WEB_WORKERS", 2, low=1)

# --- Votes -------------------------------------------------------------------------------------------------

EXPOSURE_LEASE = timedelta(seconds=env_int("EXPOSURE_LEASE_SECONDS", 900, low=1))
"""After this an exposure that was not answered may be shown to the same voter again."""
EXPOSURE_MAX_AGE = timedelta(days=env_int("EXPOSURE_MAX_AGE_DAYS", 30, low=1))
"""A vote that comes later than this (a phone that was offline) is refused as expired."""
VOTER_PAIRS_PER_MINUTE = env_int("VOTER_PAIRS_PER_MINUTE", 240, low=1)
"""What one voter may be dealt: four cards in every second, twice as many as the fastest people swipe."""
ADDRESS_PAIRS_PER_MINUTE = env_int("ADDRESS_PAIRS_PER_MINUTE", 12_000, low=1)
"""What one address may be dealt by each web process: a hall of a hundred people swiping as fast as they can."""
ADDRESS_VOTERS_PER_MINUTE = env_int("ADDRESS_VOTERS_PER_MINUTE", 300, low=1)
"""How many new voters each web process takes from one address."""
ADDRESS_KEPT = timedelta(days=env_int("ADDRESS_KEPT_DAYS", 7, low=1))
TRUSTED_PROXIES = env_int("TRUSTED_PROXIES", 0)
"""Proxies of ours in front, each of which adds the address it saw to X-Forwarded-For."""

# --- Search ------------------------------------------------------------------------------------------------

SEARCH_URL = env_str("SEARCH_URL")
"""Where web finds the search service, such as http://search:8100; empty means the socket in `var/`."""
SEARCH_ENGINE_URL = env_str("SEARCH_ENGINE_URL")
SEARCH_THREADS = env_int("SEARCH_THREADS", 1, low=1)
"""Lookups that the search service computes at once; the others wait in line, as long as their time allows."""
SEARCH_SECONDS = env_int("SEARCH_SECONDS", 2, low=1)
"""So long web waits for an answer before it shows the items that fit by their attributes instead."""
SEARCH_PHOTO_MB = env_int("SEARCH_PHOTO_MB", 10, low=1)
SEARCH_PHOTO_MEGAPIXELS = env_int("SEARCH_PHOTO_MEGAPIXELS", 40, low=1)
SEARCH_PHOTOS_KEPT = timedelta(days=env_int("SEARCH_PHOTOS_KEPT_DAYS", 30, low=1))
"""So long a photo is kept whose owner said that it may be."""
ADDRESS_SEARCHES_PER_MINUTE = env_int("ADDRESS_SEARCHES_PER_MINUTE", 120, low=1)
"""How many searches each web process answers to one address."""

# --- Pages -------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "frontend" / "static"]
STORAGES = {
    "default": default_storage(env_secret("STORAGE_URL"), MEDIA_ROOT),
    "staticfiles": {"BACKEND": "evalapp.core.services.static_files.HashedFiles"},
}
WHITENOISE_USE_FINDERS = False
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español"), ("fr", "Français"), ("ja", "日本語")]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LOCALE_PATHS = [BASE_DIR / "frontend" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

_LOG_LEVEL = env_choice("LOG_LEVEL", "WARNING", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "()": "evalapp.core.domain.log_format.TextLines",
            "format": "%(asctime)s %(levelname)s %(name)s:%(request_mark)s %(message)s",
        },
        "json": {"()": "evalapp.core.domain.log_format.JsonLines"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": env_choice("LOG_FORMAT", "text", ["text", "json"])}
    },
    "root": {"handlers": ["stderr"], "level": _LOG_LEVEL},
}
