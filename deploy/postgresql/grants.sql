-- Who may do what to which table: after every `correction-service db upgrade`, as correction_owner.
-- Nothing is granted by default, so a new table is closed until this has run.

DO $grants$
DECLARE
    name text;
    append_only boolean;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('REVOKE ALL ON %I FROM correction_app, correction_ingest', name);
        -- The migration gave every append-only table a trigger; here the right goes as well, so
        -- that not even a dropped trigger lets the application rewrite the log or the ledger.
        append_only := EXISTS (
            SELECT FROM pg_trigger
            WHERE tgrelid = format('public.%I', name)::regclass
              AND tgname = name || '_refuses_change'
        );
        IF name = 'alembic_version' THEN
            EXECUTE format('GRANT SELECT ON %I TO correction_app, correction_ingest', name);
        ELSIF append_only THEN
            EXECUTE format('GRANT SELECT, INSERT ON %I TO correction_app', name);
        ELSE
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO correction_app', name);
        END IF;
    END LOOP;
END
$grants$;

REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM correction_app, correction_ingest;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO correction_app;
-- Partitions of fixes belong to the owner, who lends schedule the making and dropping of them.
GRANT EXECUTE ON FUNCTION make_fix_partition(date), close_fix_partition(date),
    drop_fix_partition(date) TO correction_app;

-- Ingest reads whose bracelet it is, whose order and which zones: no person, no photo, no template.
GRANT SELECT ON device, binding, supervised_case, positioning_order, zone, zone_shape,
    standing_change, service_session TO correction_ingest;
GRANT SELECT (id, version, engine, effective_from, figures, withdraws_id) ON zone_rule
    TO correction_ingest;
GRANT SELECT (id, name, agency_id, active, online, heard_at) ON gateway TO correction_ingest;
-- It adds what it hears, never changes or removes it, and reads no position: no trail, no day before.
-- Of what it inserts it reads back whose is new, and what was said of the strap before late words of it,
GRANT INSERT, SELECT (device_id, time, seq, received, strap_open) ON fix TO correction_ingest;
GRANT SELECT (device_id, time, seq, received, strap_open) ON fix_closed TO correction_ingest;
GRANT INSERT, SELECT (device_id, time, seq, received, event) ON device_event TO correction_ingest;
GRANT INSERT ON state_snapshot TO correction_ingest;
-- or an id,
GRANT INSERT, SELECT (id) ON reject, zone_change, audit_record, outbox, incident_step
    TO correction_ingest;
-- and keeps the present state.
GRANT SELECT, INSERT, UPDATE ON device_state, replay_due, incident, ingest_minute
    TO correction_ingest;
GRANT SELECT (id, device_id, heard_at), UPDATE (state, answered_at, heard_at) ON device_command
    TO correction_ingest;
GRANT UPDATE (online, heard_at) ON gateway TO correction_ingest;
GRANT USAGE ON SEQUENCE
    reject_id_seq, zone_change_id_seq, audit_record_id_seq, outbox_id_seq, incident_id_seq,
    incident_step_id_seq
    TO correction_ingest;
