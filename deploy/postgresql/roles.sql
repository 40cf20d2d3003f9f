-- Roles and the database, once a cluster and harmless again. As a superuser, through init.sh, which
-- puts the three passwords into the environment:  deploy/postgresql/init.sh
--   correction_owner   owns the tables; only `db upgrade` and restores use it
--   correction_app     web and schedule: reads and writes rows, changes no table
--   correction_ingest  ingest: telemetry in, and the little that telemetry needs to be judged
\set ON_ERROR_STOP on
\getenv owner_password CORRECTION_OWNER_PASSWORD
\getenv app_password CORRECTION_APP_PASSWORD
\getenv ingest_password CORRECTION_INGEST_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['correction_owner', 'correction_app', 'correction_ingest']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE correction_owner PASSWORD :'owner_password';
ALTER ROLE correction_app PASSWORD :'app_password';
ALTER ROLE correction_ingest PASSWORD :'ingest_password';

SELECT 'CREATE DATABASE correction OWNER correction_owner ENCODING ''UTF8'' TEMPLATE template0'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'correction')
\gexec

REVOKE ALL ON DATABASE correction FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE correction TO correction_app, correction_ingest;

\connect correction
ALTER SCHEMA public OWNER TO correction_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO correction_app, correction_ingest;
