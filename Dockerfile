# Two images of one recipe: `--target web` (pages, API, beat; no torch) and `--target worker` (what computes).
# TORCH=cuda makes a worker for an NVIDIA GPU. EXTRAS are more sets of pyproject.toml, such as "s3" or "fast hf".
# docker-compose.yml says which role a container plays.

# A release of Python on a release of Debian: rebuilt upstream for Debian's security fixes only.
FROM python:3.12.13-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1

FROM base AS web-packages
RUN python -m venv /opt/venv
COPY requirements /tmp/requirements
ARG EXTRAS=""
RUN /opt/venv/bin/python /tmp/requirements/install.py web $EXTRAS

FROM web-packages AS worker-packages
ARG TORCH=cpu
RUN TORCH=$TORCH /opt/venv/bin/python /tmp/requirements/install.py worker train \
    && /opt/venv/bin/python -m pip uninstall --quiet --yes uv

FROM base AS code
WORKDIR /srv/app
COPY docker/prepare.sh ./docker/
COPY manage.py ./
COPY evalapp ./evalapp
COPY models_registry ./models_registry
COPY frontend ./frontend
# Without git in the image, exports and snapshots learn from this file which commit made them.
ARG COMMIT=""
RUN printf '%s' "$COMMIT" > evalapp/COMMIT

FROM base AS role
RUN useradd --system --uid 10001 --create-home --shell /usr/sbin/nologin app \
    && install --directory --owner app --group app /var/lib/dopeornope
ENV PATH=/opt/venv/bin:$PATH VAR_DIR=/var/lib/dopeornope
WORKDIR /srv/app
VOLUME /var/lib/dopeornope
LABEL org.opencontainers.image.title="Dope or Nope" \
      org.opencontainers.image.description="Blind human judgement of visual-search models" \
      org.opencontainers.image.licenses="MIT"

FROM role AS worker
# libgomp: torch and faiss compute with it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=worker-packages /opt/venv /opt/venv
COPY --from=code /srv/app /srv/app
ARG VERSION=""
ARG COMMIT=""
LABEL org.opencontainers.image.version="$VERSION" org.opencontainers.image.revision="$COMMIT"
USER app
CMD ["celery", "--app", "evalapp.config.celery", "worker", "--pool", "solo", "--queues", "default,gpu"]

FROM role AS web
COPY --from=web-packages /opt/venv /opt/venv
COPY --from=code /srv/app /srv/app
ARG VERSION=""
ARG COMMIT=""
LABEL org.opencontainers.image.version="$VERSION" org.opencontainers.image.revision="$COMMIT"
USER app
EXPOSE 8000
CMD ["gunicorn", "evalapp.config.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "evalapp.core.services.web_server.BufferingWorker", "--workers", "2", "--threads", "8", "--no-control-socket"]
