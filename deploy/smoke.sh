#!/usr/bin/env bash
# Start the whole service on this machine with the files of this folder, drive one check-in through
# the proxy and one fix through the broker, look for both in the database, and remove everything.
#
#   deploy/smoke.sh            needs mosquitto, mosquitto-clients, postgresql, nginx, openssl, curl,
#                              gettext-base, and the service installed (.venv, or CORRECTION_BIN)
#
# Everything lives in one temporary folder and on free ports of loopback. Only paths, ports and the
# memory of PostgreSQL differ from an installation; who may do what is the same.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${CORRECTION_BIN:-$(dirname "$here")/.venv/bin}
pg_bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
PATH=$bin:${pg_bin:-/nowhere}:/usr/sbin:$PATH
for program in initdb psql mosquitto mosquitto_sub nginx openssl curl envsubst correction-service; do
    command -v "$program" >/dev/null || { echo "smoke: $program is not installed" >&2; exit 3; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/correction-smoke.XXXXXX")
chmod 711 "$work" # PostgreSQL and nginx's workers run as users of their own
mkdir -m 755 "$work/log"
started=()

say() { printf '%s\n' "· $*"; }

unprivileged() { # PostgreSQL refuses to run as root
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

clean_up() {
    local code=$?
    trap - EXIT
    if [ "$code" != 0 ]; then
        for log in "$work"/log/*; do
            printf '\n=== the end of %s\n' "$(basename "$log")"
            tail -n 20 "$log"
        done >&2
        echo "smoke: failed" >&2
    fi
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do kill "${started[i]}" 2>/dev/null || true; done
    wait
    [ ! -f "$work/postgres/postmaster.pid" ] ||
        unprivileged pg_ctl --silent --pgdata "$work/postgres" --mode fast stop || true
    rm -rf "$work"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

start() { # NAME COMMAND…: in the background, ended with the script
    local name=$1
    shift
    "$@" >"$work/log/$name" 2>&1 &
    started+=("$!")
}

until_true() { # SECONDS WHAT COMMAND…
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        for pid in "${started[@]}"; do
            kill -0 "$pid" 2>/dev/null || { echo "smoke: a process ended early" >&2; return 1; }
        done
        ((SECONDS < deadline)) || { echo "smoke: waited in vain: $what" >&2; return 1; }
        sleep 0.2
    done
    say "$what"
}

read -r pg_port tls_port mqtt_port web_port http_port https_port < <(
    "$bin/python" -c 'import socket
open_ = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
print(*(each.getsockname()[1] for each in open_))'
)

# --- Secrets and certificates -------------------------------------------------------------------
secrets=$work/secrets
DATABASE_HOST=127.0.0.1:$pg_port CORRECTION_SERVICE=$bin/correction-service \
    "$here/secrets.sh" "$secrets" >/dev/null

tls=$work/tls
mkdir "$tls"
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj "/CN=smoke CA" -keyout "$tls/ca.key" -out "$tls/ca.pem"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
        -keyout "$tls/privkey.pem" -out "$tls/request.pem"
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$tls/names"
    openssl x509 -req -in "$tls/request.pem" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" \
        -CAcreateserial -days 2 -extfile "$tls/names" -out "$tls/fullchain.pem"
} >"$work/log/openssl" 2>&1
say "made secrets, a CA and a certificate"

# --- PostgreSQL: cluster, roles, tables, grants -------------------------------------------------
install -d -m 700 "$work/postgres"
install -m 644 "$here/postgresql/correction.conf" "$work/correction.conf"
[ "$(id -u)" != 0 ] || chown postgres "$work/postgres"
unprivileged initdb --pgdata "$work/postgres" --username postgres --auth-local trust \
    --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 >"$work/log/initdb" 2>&1
echo "include '$work/correction.conf'" | unprivileged tee -a "$work/postgres/postgresql.conf" >/dev/null
touch "$work/log/postgres" && chmod 666 "$work/log/postgres"
unprivileged pg_ctl --silent --pgdata "$work/postgres" --log "$work/log/postgres" --wait \
    --options "-p $pg_port -k $work/postgres -c shared_buffers=128MB" start
psql=(psql --host "$work/postgres" --port "$pg_port" --username postgres)
[ "$(id -u)" != 0 ] || psql=(runuser -u postgres -- "${psql[@]}")
PSQL=${psql[*]} CORRECTION_SECRETS=$secrets "$here/postgresql/init.sh" >"$work/log/roles" 2>&1
CORRECTION_DATABASE_URL=$(cat "$secrets/database_url_owner") \
    correction-service db upgrade >"$work/log/upgrade" 2>&1
PGPASSWORD=$(cat "$secrets/owner_password") psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 \
    --host 127.0.0.1 --port "$pg_port" --username correction_owner --dbname correction \
    --file "$here/postgresql/grants.sql" >"$work/log/grants" 2>&1
say "PostgreSQL runs; roles, tables and grants are made"

count() { # SQL: one value, as the superuser sees it
    (cd / && "${psql[@]}" --dbname correction --tuples-only --no-align --command "$1")
}

# --- The units, with the secrets that systemd would give them -----------------------------------
{
    grep '^CORRECTION_' "$(dirname "$here")/.env.example" || true
    echo "CORRECTION_PUBLIC_URL=https://localhost:$https_port"
    echo "CORRECTION_PROXIES=1"
    echo "CORRECTION_MQTT_PORT=$mqtt_port"
    echo "CORRECTION_MQTT_USERNAME=correction-ingest"
    echo "CORRECTION_MQTT_COMMAND_USERNAME=correction-web"
} >"$work/correction.env"

unit() { # NAME [OPTION…]: what systemd/correction-NAME.service starts
    local file=$here/systemd/correction-$1.service credentials=$work/credentials/$1
    local -a settings command
    mkdir -p "$credentials" "$work/data"
    while IFS=: read -r name source; do
        install -m 400 "$secrets/${source##*/}" "$credentials/$name"
    done < <(sed -n 's/^LoadCredential=//p' "$file")
    mapfile -t settings <"$work/correction.env"
    read -ra command < <(sed -n 's#^ExecStart=/opt/correction/bin/##p' "$file")
    shift
    exec env -i PATH="$PATH" "${settings[@]}" CORRECTION_DATA_DIR="$work/data" \
        CORRECTION_SECRETS_DIR="$credentials" "${command[@]}" "$@"
}

admin() { # COMMAND…: as the runbook's shell, with the secrets of web and the broker's passwords
    mkdir -p "$work/credentials/admin"
    install -m 400 "$secrets/database_url_app" "$work/credentials/admin/correction_database_url"
    install -m 400 "$secrets/key_ring" "$work/credentials/admin/correction_key_ring"
    install -m 400 "$secrets/mqtt_password" "$work/credentials/admin/correction_mqtt_password"
    install -m 400 "$secrets/mqtt_command_password" \
        "$work/credentials/admin/correction_mqtt_command_password"
    CORRECTION_MQTT_USERNAME=correction-ingest CORRECTION_MQTT_COMMAND_USERNAME=correction-web \
        CORRECTION_SECRETS_DIR=$work/credentials/admin correction-service "$@" 2>>"$work/log/admin"
}

admin user add officer --name 甲 --role officer --agency 冒烟县 --division 520303 \
    --office 甲司法所 >/dev/null
head_password=$(admin user add head --name 乙 --role county_head --agency 冒烟县 | cut -d' ' -f2)
gateway_password=$(admin gateway add gw-smoke)
printf 'id,imei,model,gateway\nS0001,,smoke,gw-smoke\n' >"$work/devices.csv"
admin device import "$work/devices.csv" >/dev/null
admin gateway files "$work/mosquitto/correction"
say "made an account, a gateway and a bracelet; wrote the broker's passwords and ACL"

# --- Broker, units, proxy -----------------------------------------------------------------------
mkdir -p "$work/mosquitto/data"
cp -r "$tls" "$work/mosquitto/tls"
sed -e "s#/etc/mosquitto/#$work/mosquitto/#; s#/var/lib/mosquitto/#$work/mosquitto/data/#" \
    -e "s/^listener 8883/listener $tls_port 127.0.0.1/; s/^listener 1883/listener $mqtt_port/" \
    "$here/mosquitto/mosquitto.conf" >"$work/mosquitto/mosquitto.conf"
# As root mosquitto would become its own user, who cannot read this folder.
[ "$(id -u)" != 0 ] || echo "user root" >>"$work/mosquitto/mosquitto.conf"
start mosquitto mosquitto -c "$work/mosquitto/mosquitto.conf"

start ingest unit ingest
start schedule unit schedule
start web unit web --port "$web_port"

mkdir -p "$work/nginx"
CORRECTION_WEB=127.0.0.1:$web_port CORRECTION_SERVER_NAME=localhost CORRECTION_TLS=$tls \
    CORRECTION_HTTP_PORT=127.0.0.1:$http_port CORRECTION_HTTPS_PORT=127.0.0.1:$https_port \
    envsubst "$(printf "\$%s " CORRECTION_{WEB,SERVER_NAME,TLS,HTTP_PORT,HTTPS_PORT})" \
    <"$here/nginx/correction.conf" >"$work/nginx/correction.conf"
cat >"$work/nginx/nginx.conf" <<CONF
pid $work/nginx/pid;
error_log stderr;
events {}
http {
    client_body_temp_path $work/nginx/body;
    proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi;
    uwsgi_temp_path $work/nginx/uwsgi;
    scgi_temp_path $work/nginx/scgi;
    include $work/nginx/correction.conf;
}
CONF
start nginx nginx -e stderr -c "$work/nginx/nginx.conf" -g 'daemon off;'

site=https://localhost:$https_port
through() { curl --silent --show-error --fail --max-time 10 --cacert "$tls/ca.pem" "$@"; }
until_true 120 "web answers" curl --silent --fail "http://127.0.0.1:$web_port/healthz"
until_true 10 "web answers through nginx" through "$site/healthz"
until_true 60 "/readyz says database, broker, schedule and ingest work" through "$site/readyz"
[ "$(curl --silent --cacert "$tls/ca.pem" -o /dev/null -w '%{http_code}' "$site/metrics")" = 404 ]
[ "$(curl --silent -o /dev/null -w '%{redirect_url}' "http://localhost:$http_port/m/")" = "https://localhost/m/" ]
through --dump-header - --output /dev/null "$site/sign-in" | grep -ci '^strict-transport-security' | grep -qx 1
say "nginx: /metrics is closed, http goes to https, HSTS is said once"

# --- One check-in, through the proxy ------------------------------------------------------------
office=$(count "SELECT id FROM office")
python "$here/smoke.py" "$site" "$tls/ca.pem" head "$head_password" "$office" S0001 2>"$work/log/drive"
[ "$(count 'SELECT count(*) FROM checkin')" = 1 ]
say "the check-in is in the database"

# --- One fix, over TLS, to its receipt ----------------------------------------------------------
# A gateway has one connection over TLS; a second ear on it stands at the door of this machine.
ear=(-h 127.0.0.1 -p "$mqtt_port" -u gw-smoke -P "$gateway_password" -q 1)
gateway=(-h 127.0.0.1 -p "$tls_port" --cafile "$tls/ca.pem" -u gw-smoke -P "$gateway_password" -q 1)
start receipt stdbuf -oL mosquitto_sub "${ear[@]}" -i smoke-receipts -d \
    -t 'correction/v1/gw-smoke/receipt'
until_true 10 "a gateway listens for receipts" grep -q SUBACK "$work/log/receipt"
now=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ) # to the second it would be before the bracelet was fitted
fix="{\"seq\":1,\"time\":\"$now\",\"lat\":27.725,\"lon\":106.92,\"accuracy_m\":8,\"source\":\"gnss\"}"
mosquitto_pub "${gateway[@]}" -i smoke-spoof -t correction/v1/gw-other/S0001/fix -m "$fix"
mosquitto_pub "${gateway[@]}" -i smoke -t correction/v1/gw-smoke/S0001/fix -m "$fix"
until_true 20 "the receipt names the fix" grep -q '"committed":{"S0001":\[\[1,1\]\]}' "$work/log/receipt"
[ "$(count 'SELECT count(*) FROM fix')" = 1 ]
[ "$(count 'SELECT count(*) FROM reject')" = 0 ]
say "the fix is in the database, and the broker dropped what spoke for another gateway"

through "$site/readyz"
echo
echo "smoke: passed"
