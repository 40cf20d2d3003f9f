"""Bracelets: taken in from files all or none, fitted under an order, one each."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.hardware import bracelets
from correction_service.hardware.bracelets import Imported, imei_right, import_file
from models.case import Case, CaseState
from models.device import Binding, Device, Gateway, Protocol
from models.errors import Invalid, Refused
from models.order import PositioningOrder
from tests.county import NOW, County, make_case
from tests.tracked import Tracked, track

IMEI = "490154203237518"  # the example of 3GPP TS 23.003 annex B
FILE = f"id,IMEI,model\nB1,{IMEI},X200\nB2,,\n"


def taken_in(database: Database, content: bytes, gateway: str | None = None) -> Imported:
    with database.transaction(SYSTEM, "test") as session:
        return import_file(session, content, gateway)


@pytest.fixture
def gateways(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        session.add(Gateway(name="gw-1", agency_id=county.agency, secret_hash="!"))


def registered(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Device)) or 0


@pytest.mark.usefixtures("gateways")
def test_a_file_is_taken_in_and_again_without_harm(database: Database) -> None:
    assert taken_in(database, FILE.encode()) == Imported(2, 0)
    assert taken_in(database, FILE.encode("utf-8-sig")) == Imported(0, 2)
    with database.reading() as session:
        device = bracelets.named(session, "B1")
        assert (device.imei, device.model, device.gateway.name) == (IMEI, "X200", "gw-1")


@pytest.mark.usefixtures("gateways")
def test_chinese_headers_in_gbk_are_read(database: Database) -> None:
    content = f"设备编号,IMEI,型号,网关\nB1,{IMEI},腕带甲型,gw-1\n".encode("gbk")
    assert taken_in(database, content) == Imported(1, 0)


@pytest.mark.usefixtures("gateways")
def test_a_bracelet_speaks_our_protocol_or_the_one_that_its_line_names(database: Database) -> None:
    with database.transaction(SYSTEM, "test") as session:
        agency_id = session.scalars(select(Gateway.agency_id)).one()
        session.add(Gateway(name="traccar", agency_id=agency_id, secret_hash="!"))
    content = f"编号,网关,协议\nB1,gw-1,\nB2,gw-1,OwnTracks\n{IMEI},traccar,traccar\n"
    assert taken_in(database, content.encode()) == Imported(3, 0)
    assert taken_in(database, content.encode()) == Imported(0, 3)
    with database.reading() as session:
        spoken = [bracelets.named(session, name).protocol for name in ("B1", "B2", IMEI)]
    assert spoken == [Protocol.NATIVE, Protocol.OWNTRACKS, Protocol.TRACCAR]
    changed = taken_in(database, b"id,gateway,protocol\nB2,gw-1,native\n")
    assert [(it.line, it.fault.field) for it in changed.faults] == [(2, "id")]


@pytest.mark.usefixtures("gateways")
def test_only_the_gateway_traccar_speaks_for_traccars_bracelets(database: Database) -> None:
    with database.transaction(SYSTEM, "test") as session:
        agency_id = session.scalars(select(Gateway.agency_id)).one()
        session.add(Gateway(name="traccar", agency_id=agency_id, secret_hash="!"))
    lines = ["id,gateway,protocol", "B1,gw-1,traccar", "B2,traccar,native", "B3,gw-1,gt06"]
    report = taken_in(database, "\n".join(lines).encode())
    assert [(it.line, it.fault.field) for it in report.faults] == [
        (2, "protocol"), (3, "protocol"), (4, "protocol"),
    ]  # fmt: skip


@pytest.mark.usefixtures("gateways")
def test_every_bad_line_is_named_and_nothing_is_half_done(database: Database) -> None:
    lines = [
        "id,imei,model,gateway",
        f"B1,{IMEI},X200,gw-1",
        "B 2,,,gw-1",
        "B3,490154203237519,,gw-1",
        "B4,,,gw-9",
        "B1,,,gw-1",
        f"B6,{IMEI},,gw-1",
        "",
        f"B7,,{'x' * 65},gw-1",
    ]
    report = taken_in(database, "\n".join(lines).encode())
    assert [(it.line, it.fault.field) for it in report.faults] == [
        (3, "id"), (4, "imei"), (5, "gateway"), (6, "id"), (7, "imei"), (9, "model"),
    ]  # fmt: skip
    assert registered(database) == 0


@pytest.mark.usefixtures("gateways")
def test_a_line_against_the_register_is_a_fault(database: Database) -> None:
    taken_in(database, FILE.encode())
    report = taken_in(database, f"id,imei\nB1,\nB9,{IMEI}\n".encode())
    assert [(it.line, it.fault.field) for it in report.faults] == [(2, "id"), (3, "imei")]


@pytest.mark.usefixtures("gateways")
@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xff\xff\x00", b"x" * 200_000])
def test_a_file_without_the_columns_is_refused(database: Database, content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        taken_in(database, content)
    assert refused.value.field == "file"


@pytest.mark.parametrize("imei", ["", "49015420323751", "4901542032375180", "49015420323751a"])
def test_an_imei_has_fifteen_digits(imei: str) -> None:
    assert not imei_right(imei)


def test_every_wrong_digit_of_an_imei_is_found() -> None:
    assert imei_right(IMEI)
    for place in range(15):
        for digit in set("0123456789") - {IMEI[place]}:
            assert not imei_right(IMEI[:place] + digit + IMEI[place + 1 :])


def test_a_bracelet_is_fitted_once_and_taken_off_once(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case, device = session.get_one(Case, tracked.case), session.get_one(Device, tracked.device)
        spare = Device(name="spare", gateway=device.gateway)
        other = make_case(session, case.office, 2)
        second = track(session, other, county, "second", device.gateway)
        session.add(spare)
        session.flush()
        with pytest.raises(Refused) as person_taken:
            bracelets.bind(session, case, spare, NOW)
        with pytest.raises(Refused) as device_taken:
            bracelets.bind(session, case, session.get_one(Device, second.device), NOW)
        assert (person_taken.value.field, device_taken.value.field) == ("case", "device")
        bracelets.unbind(session, device, NOW)
        with pytest.raises(Refused, match="Nobody wears"):
            bracelets.unbind(session, device, NOW)
        binding = bracelets.bind(session, case, spare, NOW)
    with database.reading() as session:
        worn = session.scalars(select(Binding.id).where(Binding.unbound_at.is_(None))).all()
        assert binding.id in worn


def test_nothing_is_fitted_without_an_order_in_force_or_after_the_case(
    database: Database, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case, device = session.get_one(Case, tracked.case), session.get_one(Device, tracked.device)
        bracelets.unbind(session, device, NOW)
        session.get_one(PositioningOrder, tracked.order).lifted_at = NOW
        session.flush()
        with pytest.raises(Refused, match="LCC 29"):
            bracelets.bind(session, case, device, NOW + timedelta(minutes=1))
        case.move(CaseState.RELEASED, NOW)
        with pytest.raises(Refused, match="case has ended"):
            bracelets.bind(session, case, device, NOW)
