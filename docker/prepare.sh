#!/bin/sh
# What has to be done once before the other containers start: tables, static files, the first operator.
set -eu
python manage.py migrate --no-input
python manage.py collectstatic --no-input
# Asked at every start, made at the first. The password comes from OPERATOR_PASSWORD, or from the file that
# OPERATOR_PASSWORD_FILE names.
if [ -n "${OPERATOR_NAME:-}" ] && ! python manage.py shell --no-imports --verbosity 0 --command "
import os, sys
from django.contrib.auth import get_user_model
sys.exit(not get_user_model().objects.filter(username=os.environ['OPERATOR_NAME']).exists())
"; then
    python manage.py create_operator "$OPERATOR_NAME"
fi
