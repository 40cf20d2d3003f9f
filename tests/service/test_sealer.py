"""The log is sealed in order, by one sealer, and tells what was done to it afterwards."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from correction_service import sealer
from correction_service.audit import SYSTEM
from correction_service.audit_log import AuditReport, Fault, Tampering, verify
from correction_service.db import Database
from correction_service.sealer import LogBroken, Sealer
from models.audit import AuditLeaf, AuditRecord, AuditRoot, leaf_hash, merkle_root
from models.outbox import Outbox
from tests.county import NOW, County


def tree_hash(entries: Sequence[bytes]) -> bytes:
    """RFC 6962 §2.1 as it is written: split at the largest power of two below the size."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    left, right = tree_hash(entries[:split]), tree_hash(entries[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_is_the_tree_hash_of_rfc_6962(entries: list[bytes]) -> None:
    assert merkle_root([leaf_hash(entry) for entry in entries]) == tree_hash(entries)


def test_known_answers() -> None:
    assert merkle_root([]).hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert leaf_hash(b"").hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )


def record(session: Session, number: int) -> None:
    row = {"at": NOW, "actor_kind": "user", "actor_id": "1", "action": "view", "via": "test"}
    subject = {"subject_kind": "case", "subject_id": str(number), "detail": {"b": 1, "a": [2.5]}}
    session.execute(insert(AuditRecord), [row | subject])


def seal(database: Database, using: Sealer | None = None) -> int:
    with database.transaction(SYSTEM, "test") as session:
        return (using or Sealer()).seal(session, NOW)


def sealed_log(database: Database, passes: int = 3, each: int = 3) -> None:
    kept = Sealer()
    for number in range(passes):
        with database.transaction(SYSTEM, "test") as session:
            for other in range(each):
                record(session, number * 10 + other)
        assert seal(database, kept) == each


def report(database: Database) -> AuditReport:
    with database.reading() as session:
        return verify(session)


def tamper(database: Database, *statements: str) -> None:
    """Change rows as an administrator of the database could: without triggers and keys."""
    with database.engine.connect() as connection:
        if database.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            for table in ("audit_record", "audit_leaf", "audit_root"):
                for verb in ("update", "delete"):
                    connection.exec_driver_sql(f"DROP TRIGGER {table}_refuses_{verb}")
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execute(text("SET session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()
        connection.invalidate()


def test_each_record_gets_its_place_in_id_order_and_each_pass_a_root(database: Database) -> None:
    sealed_log(database)
    assert seal(database) == 0
    with database.reading() as session:
        leaves = session.execute(
            select(AuditLeaf.position, AuditLeaf.record_id).order_by(AuditLeaf.position)
        ).all()
        assert [leaf.position for leaf in leaves] == list(range(9))
        assert [leaf.record_id for leaf in leaves] == sorted(leaf.record_id for leaf in leaves)
        records = session.scalars(select(AuditRecord).order_by(AuditRecord.id)).all()
        contents = [each.content() for each in records]
        roots = session.execute(select(AuditRoot.size, AuditRoot.hash).order_by(AuditRoot.size))
        assert {root.size: root.hash for root in roots} == {
            size: tree_hash(contents[:size]) for size in (3, 6, 9)
        }
    found = report(database)
    assert (found.ok, found.size, found.unsealed, found.root) == (True, 9, 0, tree_hash(contents))


def test_a_writers_records_are_sealed_and_the_unsealed_tail_is_named(
    database: Database, county: County
) -> None:
    seal(database)
    assert report(database).ok
    with database.transaction(SYSTEM, "test") as session:
        record(session, 1)
        record(session, 2)
        first = (session.scalar(select(func.max(AuditRecord.id))) or 0) - 1
    found = report(database)
    assert (found.ok, found.unsealed, found.first_unsealed) == (True, 2, first)


def test_an_id_that_commits_late_is_sealed_by_the_next_pass(database: Database) -> None:
    kept = Sealer()
    sealed_log(database, passes=1)
    with database.transaction(SYSTEM, "test") as session:
        record(session, 1)
        late = session.scalar(select(func.max(AuditRecord.id))) or 0
        values = {"id": late + 5, "at": NOW, "actor_kind": "user", "actor_id": "1"}
        more = {"action": "view", "via": "test", "subject_kind": "case", "subject_id": "2"}
        session.execute(insert(AuditRecord), [values | more | {"detail": {}}])
    assert seal(database, kept) == 2
    with database.transaction(SYSTEM, "test") as session:
        session.execute(insert(AuditRecord), [values | more | {"id": late + 2, "detail": {}}])
    with database.reading() as session:
        assert kept.due(session, NOW + timedelta(seconds=1))
    assert seal(database, kept) == 1
    assert report(database).ok
    with database.reading() as session:
        assert not kept.due(session, NOW + timedelta(seconds=2))


def test_a_pass_that_rolled_back_and_another_sealer_do_no_harm(database: Database) -> None:
    sealed_log(database, passes=1)
    kept = Sealer()
    with database.transaction(SYSTEM, "test") as session:
        record(session, 7)
    with pytest.raises(RuntimeError):
        seal_and_fail(database, kept)
    assert seal(database) == 1
    with database.transaction(SYSTEM, "test") as session:
        record(session, 8)
    assert seal(database, kept) == 1
    assert report(database).ok


def seal_and_fail(database: Database, kept: Sealer) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert kept.seal(session, NOW) == 1
        raise RuntimeError


def test_two_sealers_do_not_seal_at_once(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        return  # the write lock admits one transaction at all
    with database.transaction(SYSTEM, "test") as session:
        record(session, 1)
    with database.transaction(SYSTEM, "test") as one, database.transaction(SYSTEM, "test") as two:
        assert sealer.seal(one, NOW) == 1
        assert sealer.seal(two, NOW) == 0
    assert report(database).size == 1


@pytest.mark.parametrize(
    ("statements", "faults"),
    [
        (
            ["UPDATE audit_record SET actor_id = '2' WHERE subject_id = '0'"],
            [Fault(0, Tampering.CHANGED)],
        ),
        (
            ["DELETE FROM audit_record WHERE subject_id = '11'"],
            [Fault(4, Tampering.NO_RECORD)],
        ),
        (
            ["DELETE FROM audit_leaf WHERE position = 4"],
            [Fault(4, Tampering.NO_LEAF), Fault(3, Tampering.WRONG_ROOT)],
        ),
        (
            ["DELETE FROM audit_leaf WHERE position >= 7"],
            [Fault(7, Tampering.NO_LEAF)],
        ),
        (
            [
                "UPDATE audit_leaf SET position = 99 WHERE position = 3",
                "UPDATE audit_leaf SET position = 3 WHERE position = 4",
                "UPDATE audit_leaf SET position = 4 WHERE position = 99",
            ],
            [Fault(4, Tampering.REORDERED), Fault(3, Tampering.WRONG_ROOT)],
        ),
        (
            ["UPDATE audit_root SET hash = (SELECT min(hash) FROM audit_leaf) WHERE size = 6"],
            [Fault(3, Tampering.WRONG_ROOT)],
        ),
        (
            ["DELETE FROM audit_root WHERE size = 9"],
            [Fault(6, Tampering.NO_ROOT)],
        ),
    ],
    ids=["changed", "removed", "leaf", "tail", "reordered", "root", "rootless"],
)
def test_verify_finds_what_was_done_to_the_log(
    database: Database, statements: list[str], faults: list[Fault]
) -> None:
    sealed_log(database)
    tamper(database, *statements)
    found = report(database)
    assert not found.ok
    assert found.faults == faults


def test_nothing_is_sealed_onto_leaves_that_do_not_give_the_last_root(database: Database) -> None:
    sealed_log(database)
    tamper(database, "DELETE FROM audit_leaf WHERE position = 4")
    with database.transaction(SYSTEM, "test") as session:
        record(session, 1)
    with pytest.raises(LogBroken, match="audit verify"):
        seal(database)


def test_outbox_rows_get_positions_that_only_grow(database: Database) -> None:
    for _ in range(2):
        with database.transaction(SYSTEM, "test") as session:
            session.add_all([Outbox(topic="live", payload={}, created_at=NOW) for _ in range(2)])
        with database.transaction(SYSTEM, "test") as session:
            assert sealer.number_outbox(session) == 2
            assert sealer.number_outbox(session) == 0
    with database.reading() as session:
        positions = session.scalars(select(Outbox.position).order_by(Outbox.id)).all()
    assert positions == [1, 2, 3, 4]
