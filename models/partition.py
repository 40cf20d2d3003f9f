"""Daily partitions of the fixes on PostgreSQL, by functions that the tables' owner lends out.

A day's partition is made ahead. Once the day is over its partition moves, in one step, from `fix`
to `fix_closed`: whatever comes late then goes to `fix_default`, so nobody writes what is being
packed, and the partition can be dropped whole without a lock that ingest would feel. Making and
closing do lock what ingest writes to: while they wait for somebody who reads, ingest waits behind
them. So each gives up within a tenth of a second, and the caller tries again. SQLite has neither
partitions nor `fix_closed`.
"""

from collections.abc import Iterator

_DAY = "'fix_' || to_char(on_day, 'YYYYMMDD')"

_FUNCTION = """
CREATE FUNCTION {name}(on_day date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
DECLARE
    part text := {day};
    since text := quote_literal(on_day::timestamptz);
    until text := quote_literal((on_day + 1)::timestamptz);
BEGIN
{body}
    RETURN true;
END $$
"""

# Rows that came before their partition lie in fix_default, which is locked while they move.
_MAKE = """
    IF to_regclass(part) IS NOT NULL OR on_day < current_date THEN RETURN false; END IF;
    LOCK TABLE fix_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE fix INCLUDING INDEXES, CONSTRAINT %I '
        'CHECK (time >= %s AND time < %s))', part, part || '_day', since, until);
    EXECUTE format('WITH moved AS (DELETE FROM fix_default WHERE time >= %s AND time < %s '
        'RETURNING *) INSERT INTO %I SELECT * FROM moved', since, until, part);
    EXECUTE format('ALTER TABLE fix ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
        part, since, until);
"""

_CLOSE = """
    IF NOT EXISTS (SELECT FROM pg_inherits
        WHERE inhrelid = to_regclass(part) AND inhparent = 'fix'::regclass) THEN RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE fix DETACH PARTITION %I', part);
    EXECUTE format('ALTER TABLE fix_closed ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
        part, since, until);
"""

# Steps from device to device along the key: one probe each instead of reading every row.
_DROP = """
    IF NOT EXISTS (SELECT FROM pg_inherits
        WHERE inhrelid = to_regclass(part) AND inhparent = 'fix_closed'::regclass)
    THEN RETURN false; END IF;
    IF EXISTS (
        WITH RECURSIVE worn(device) AS (
            SELECT min(device_id) FROM fix_closed WHERE time >= on_day AND time < on_day + 1
            UNION ALL
            SELECT (SELECT min(device_id) FROM fix_closed
                WHERE time >= on_day AND time < on_day + 1 AND device_id > worn.device)
            FROM worn WHERE worn.device IS NOT NULL)
        SELECT FROM worn WHERE worn.device IS NOT NULL AND NOT EXISTS (
            SELECT FROM packed_day WHERE device_id = worn.device AND day = on_day)
    ) THEN RAISE EXCEPTION '% holds a device that is not packed', part; END IF;
    EXECUTE format('DROP TABLE %I', part);
"""

_AT_FIRST = """
SELECT make_fix_partition((now() AT TIME ZONE 'UTC')::date + ahead) FROM generate_series(0, 7) ahead
"""

_BODIES = {
    "make_fix_partition": _MAKE,
    "close_fix_partition": _CLOSE,
    "drop_fix_partition": _DROP,
}


def partition_ddl() -> Iterator[str]:
    """PostgreSQL statements that make `fix_closed`, the functions, and the first partitions."""
    yield "CREATE TABLE fix_closed (LIKE fix INCLUDING INDEXES) PARTITION BY RANGE (time)"
    for name, body in _BODIES.items():
        yield _FUNCTION.format(name=name, day=_DAY, body=body.strip("\n"))
        yield f"REVOKE ALL ON FUNCTION {name}(date) FROM PUBLIC"
    yield _AT_FIRST


def no_partition_ddl() -> Iterator[str]:
    """PostgreSQL statements that take all of it back; fixes of closed days return to `fix`."""
    yield "INSERT INTO fix SELECT * FROM fix_closed ON CONFLICT DO NOTHING"
    yield "DROP TABLE fix_closed"
    for name in _BODIES:
        yield f"DROP FUNCTION {name}(date)"
