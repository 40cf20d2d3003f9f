#!/bin/sh
# Make every secret once, each a file of its own; what exists is never overwritten.
#   sudo deploy/secrets.sh /etc/correction/secrets
# The folder is closed to everyone but its owner (0700); the files are readable inside it, because
# compose binds single files into containers that run as different users.
#   CORRECTION_SERVICE  the command that makes a key ring (default: correction-service)
#   DATABASE_HOST       host:port of PostgreSQL as the service sees it (default: 127.0.0.1:5432)
set -eu
folder=${1:?usage: secrets.sh FOLDER}
host=${DATABASE_HOST:-127.0.0.1:5432}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # NAME: what comes in, unless the file is there
    [ -s "$folder/$1" ] || cat > "$folder/$1"
    chmod 444 "$folder/$1"
}
word() { openssl rand -hex 32; }

for name in secret_key metrics_token delivery_token mqtt_password mqtt_command_password \
    owner_password app_password ingest_password postgres_password; do
    word | keep "$name"
done
for role in owner app ingest; do
    password=$(cat "$folder/${role}_password")
    printf 'postgresql+psycopg://correction_%s:%s@%s/correction\n' "$role" "$password" "$host" |
        keep "database_url_$role"
done
[ -s "$folder/signing_key" ] ||
    ${CORRECTION_SERVICE:-correction-service} keys signing | keep signing_key
[ -s "$folder/key_ring" ] || ${CORRECTION_SERVICE:-correction-service} keys new | keep key_ring
echo "secrets are in $folder; keep a copy of key_ring apart from every backup of the database"
