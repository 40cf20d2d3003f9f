"""A register of invented people with a year of facts, written by the database itself.

Everyone reports every other week for a year; a few times it is missed or late. One in a hundred
wears a bracelet under an order, has a year of days of movement, and six incidents.
"""

from datetime import date

from sqlalchemy import Engine, text

WEARS = 100  # one in so many
PEOPLE = [
    """INSERT INTO agency (id, name, level, division)
       VALUES (1, '甲', 'county', '520303') ON CONFLICT DO NOTHING""",
    """INSERT INTO office (id, name, agency_id)
       SELECT o, '所' || o, 1 FROM generate_series(1, 200) o""",
    """INSERT INTO user_account (id, username, name, role, agency_id, password_hash,
           must_change_password, active, failures, session_epoch)
       VALUES (1, 'head', 'head', 'county_head', 1, '!', false, true, 0, 0)""",
    """INSERT INTO person (id, name, sex, born_on, id_kind, id_index, id_number_sealed, created_at)
       SELECT md5(i::text)::uuid, 'P' || i, CASE WHEN i % 5 = 0 THEN 'female' ELSE 'male' END,
           date '1960-01-01' + i % 16000, 'resident',
           decode(md5(i::text) || md5(i::text), 'hex'), '\\x00', now()
       FROM generate_series(1, :people) i""",
    """INSERT INTO supervised_case (id, number, person_id, office_id, agency_id, category,
           deciding_authority, effective_on, reported_on, term_start, term_end, state, state_since,
           level, minor)
       SELECT i, 'N' || i, md5(i::text)::uuid, 1 + i % 200, 1, 'suspended_sentence', '-',
           :day - 400, :day - 395, :day - 400, :day + i % 730, 'under_correction',
           now() - interval '395 days', 'ordinary', false
       FROM generate_series(1, :people) i""",
]
FACTS = [
    """INSERT INTO gateway (id, name, agency_id, secret_hash, active, online)
       VALUES (1, 'g1', 1, '!', true, true)""",
    """INSERT INTO checkin_duty (case_id, kind, key, opens_at, closes_at, missed_after, state)
       SELECT i, 'scheduled', 'scheduled:' || d, d + interval '1 hour', d + interval '11 hours',
           d + interval '13 hours',
           CASE WHEN dice < 0.02 THEN 'missed' WHEN dice < 0.05 THEN 'late' ELSE 'done' END
       FROM (SELECT i, (:day - (i % 14)::int - 14 * w)::timestamptz AS d, random() AS dice
             FROM generate_series(1, :people) i, generate_series(0, 25) w) duties""",
    """INSERT INTO device (id, name, protocol, gateway_id)
       SELECT i, 'b' || i, 'native', 1 FROM generate_series(1, :people, :wears) i""",
    """INSERT INTO binding (device_id, case_id, bound_at)
       SELECT i, i, now() - interval '60 days' FROM generate_series(1, :people, :wears) i""",
    """INSERT INTO device_state (device_id, heard_at, zones, revision)
       SELECT i, now(), '', 0 FROM generate_series(1, :people, :wears) i""",
    """INSERT INTO positioning_order (case_id, ground, evidence, starts_at, ends_at, approved_by,
           approved_at)
       SELECT i, 'left_without_approval', '-', now() - interval '60 days',
           now() + interval '30 days', 1, now() FROM generate_series(1, :people, :wears) i""",
    """INSERT INTO movement_day (case_id, day, fixes, night_lat, night_lon, far_lat, far_lon,
           new_place_m, other_night_m, unusually_far_m)
       SELECT i, :day - d, 1000, 27.7, 106.9, 27.8, 107.0,
           CASE WHEN random() < 0.045 THEN 15000 END, CASE WHEN random() < 0.042 THEN 3000 END,
           CASE WHEN random() < 0.036 THEN 20000 END
       FROM generate_series(1, :people, :wears) i, generate_series(1, 365) d""",
    """INSERT INTO incident (case_id, device_id, kind, severity, state, rule, since, opened_at,
           last_seen_at, facts, cause, closed_at)
       SELECT i, i,
           (ARRAY['strap_opened', 'left_home_area', 'out_in_curfew', 'separated'])[1 + n % 4],
           'soon', 'closed', 'bench@1', at, at, at, '{}',
           CASE WHEN n % 3 = 0 THEN 'other' ELSE 'position_drift' END, at
       FROM (SELECT i, n, now() - random() * interval '365 days' AS at
             FROM generate_series(1, :people, :wears) i, generate_series(1, 6) n) seen""",
]


def fill(engine: Engine, people: int, day: date, *, facts: bool = True) -> None:
    """Write a register of so many people, their facts up to `day`, into a migrated database."""
    given = {"people": people, "wears": WEARS, "day": day}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (*PEOPLE, *(FACTS if facts else ())):
            wanted = {name: it for name, it in given.items() if f":{name}" in statement}
            connection.execute(text(statement), wanted)
        connection.execute(text("VACUUM ANALYZE"))
