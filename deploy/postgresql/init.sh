#!/bin/sh
# Make the roles and the database from password files. In compose the PostgreSQL image runs it once;
# natively: sudo env PSQL='runuser -u postgres -- psql' CORRECTION_SECRETS=/etc/correction/secrets \
#           deploy/postgresql/init.sh
set -eu
secrets=${CORRECTION_SECRETS:-/run/secrets}
sql=${CORRECTION_ROLES_SQL:-$(dirname "$0")/roles.sql}
CORRECTION_OWNER_PASSWORD=$(cat "$secrets/owner_password")
CORRECTION_APP_PASSWORD=$(cat "$secrets/app_password")
CORRECTION_INGEST_PASSWORD=$(cat "$secrets/ingest_password")
export CORRECTION_OWNER_PASSWORD CORRECTION_APP_PASSWORD CORRECTION_INGEST_PASSWORD
# PSQL may be several words; standard input, so that whoever runs psql need not read the file.
${PSQL:-psql} --quiet --no-psqlrc --dbname postgres < "$sql"
