"""Fill an empty database with an invented county, by the same use cases that officers use.

Nobody here exists: names are a surname and 某, ID numbers start with a division that is none. No
face belongs to anyone; a visitor enrols their own.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from correction_service import accounts, hours
from correction_service.audit import SYSTEM
from correction_service.casework import clocks, orders, points, sweep
from correction_service.casework.order_facts import Fact
from correction_service.db import Database, open_database
from correction_service.enforcement import milestones, plans
from correction_service.enforcement.milestones import Done
from correction_service.hardware import bracelets, gateways
from correction_service.law import steps
from correction_service.law.steps import Phase
from correction_service.messages import notices
from correction_service.people import cases, persons
from correction_service.people.intake import EnrolForm
from correction_service.presence import checkins, duties
from correction_service.settings import Settings
from correction_service.zones import zones
from devices.simulator.person import Dweller, Habit
from models.agency import Agency, AgencyLevel, Office
from models.case import LEGAL_ZONE, Case, Category
from models.checkin import CheckInDuty, DutyState, Way
from models.device import Device
from models.identity import Sex, check_character
from models.milestone import Step
from models.notice import Notice
from models.order import Ground
from models.plan import Aims
from models.points import DraftState, PointsDraft
from models.user import Role, User
from models.zone import ZoneKind

GATEWAY = "gw-demo"
CITY = ("520302", "520303", "520304")  # the urban districts of one city: one home area (IM 26)
OFFICES = (
    ("上海路司法所", 27.728, 106.917),
    ("洗马路司法所", 27.703, 106.915),
    ("高坪司法所", 27.786, 106.985),
)
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
STEMS = "甲乙丙丁戊己庚辛壬癸"
SEATS = {
    "officer": ("王某（工作人员）", Role.OFFICER),
    "head": ("李某（负责人）", Role.COUNTY_HEAD),
    "procurator": ("陈某（检察官）", Role.PROCURATOR),
    "admin": ("赵某（管理员）", Role.ADMINISTRATOR),
}
CATEGORIES = (Category.SUSPENDED_SENTENCE, Category.PAROLE, Category.PUBLIC_SURVEILLANCE)
EVERY_WEARS = 5  # one in five wears a bracelet
EVERY_MISSES = 9  # one in nine missed yesterday
WAYS = (Way.OFFICER_CALL, Way.OFFICER_COUNTER, Way.OFFICER_VISIT)


def prepare(settings: Settings, people: int) -> str:
    """Make the county if the database is empty; return the line that names the accounts."""
    path = settings.data_dir / "accounts.json"
    database = open_database(settings)
    with database.reading() as session:
        made = session.scalar(select(func.count(Agency.id)))
    if not made:
        password = secrets.token_urlsafe(9)
        _make(database, settings, people, password)
        _keep(path, dict.fromkeys(SEATS, password))
    database.close()
    known: dict[str, str] = json.loads(path.read_text())
    return ", ".join(f"{name} {password}" for name, password in known.items())


def _keep(path: Path, known: dict[str, str]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(known))


def _make(database: Database, settings: Settings, people: int, password: str) -> None:
    now = datetime.now(UTC)
    with database.transaction(SYSTEM, "demo") as session:
        points.install_default(session)
        offices, users = _seats(session, password)
        enrolled = list(_people(session, users["officer"], offices, people, now))
        _yesterday(session, settings, users["officer"], now)
        _bracelets(session, users["head"], enrolled[::EVERY_WEARS], now)
        _told(session, settings, users["officer"], now)
    sweep.run(database, hours.local_day(now), now, settings)
    with database.transaction(SYSTEM, "demo") as session:
        _confirm_one(session, session.get_one(User, users["officer"].id), now)


def _seats(session: Session, password: str) -> tuple[list[Office], dict[str, User]]:
    agency = Agency(name="汇川区社区矫正中心（演示）", level=AgencyLevel.COUNTY, division="520303")
    offices = [Office(name=name, agency=agency, lat=lat, lon=lon) for name, lat, lon in OFFICES]
    session.add_all([agency, *offices])
    users = {
        username: accounts.add(
            session,
            username=username,
            name=name,
            role=role,
            agency=agency,
            password=password,
            must_change_password=False,
        )
        for username, (name, role) in SEATS.items()
    }
    session.flush()
    return offices, users


def _people(
    session: Session, officer: User, offices: Sequence[Office], count: int, now: datetime
) -> Iterator[Case]:
    """Enrol people a month ago; the last one is late to report in and is not yielded."""
    dice = Random(520303)  # noqa: S311 - an invented county, not a secret
    for number in range(count):
        form = _form(number, offices[number % len(offices)].id, dice, now)
        began = now - timedelta(days=30)
        case = persons.enrol(session, officer, form, began)
        cases.add_team_member(
            session, officer, case.id, name=officer.name, sex=Sex.FEMALE, part="officer"
        )
        if number < count - 1:
            cases.report_in(session, officer, case.id, form.effective_on + timedelta(days=3), began)
            if number:  # the first one's intake is still open
                _intake(session, officer, case, began)
            yield case


def _intake(session: Session, officer: User, case: Case, now: datetime) -> None:
    today = hours.local_day(now)
    for step in (it for it in steps.of_phase(session, Phase.INTAKE) if not it.known):
        done = Done(
            step=Step(step.name),
            on=today,
            number=f"演示{case.id}" if "number" in step.asks else "",
            party=case.office.name if "party" in step.asks else "",
        )
        milestones.record(session, officer, case.id, done, now)
    clocks.done(
        session, officer, case.id, "papers_receipt", on=today, note="演示：回执已寄", now=now
    )
    aims = Aims("演示：稳定就业，家庭和睦", "演示：每月面谈，协助联系职业培训")
    review_on = today + timedelta(days=180)
    plans.write(session, officer, case.id, aims, review_on=min(review_on, case.term_end), now=now)


def _form(number: int, office_id: int, dice: Random, now: datetime) -> EnrolForm:
    today = now.date()
    effective = today - timedelta(days=40)
    serial = f"000000{dice.randint(1965, 2003)}{dice.randint(1, 12):02d}{dice.randint(1, 28):02d}"
    body = f"{serial}{number % 1000:03d}"
    months = 3 if number == 2 else dice.randint(12, 36)  # noqa: PLR2004 - one term ends soon
    return EnrolForm(
        name=SURNAMES[number % len(SURNAMES)] + "某" + STEMS[number // len(SURNAMES) % len(STEMS)],
        id_number=body + check_character(body),
        category=CATEGORIES[number % len(CATEGORIES)],
        deciding_authority="汇川区人民法院",
        effective_on=effective,
        term_start=effective,
        term_end=effective + timedelta(days=20 * months),
        office_id=office_id,
        phone=f"139000{number:05d}",
    )


def _yesterday(session: Session, settings: Settings, officer: User, now: datetime) -> None:
    """Ask everyone to check in yesterday; most did, by call, counter or visit."""
    day = now.astimezone(LEGAL_ZONE).replace(hour=7, minute=0) - timedelta(days=1)
    for case in session.scalars(select(Case).where(Case.reported_on.is_not(None))):
        duties.plan(session, case, settings, weekdays="1234567", opens=time(8), closes=time(20))
    duties.make(session, day, settings)
    asked = select(CheckInDuty).where(CheckInDuty.state == DutyState.DUE).order_by(CheckInDuty.id)
    for number, duty in enumerate(session.scalars(asked).all()):
        if number % EVERY_MISSES != 1:
            at = day + timedelta(hours=1, minutes=7 * number % 600)
            way = WAYS[number % len(WAYS)]
            checkins.attest(session, officer, duty.case_id, way=way, note="", now=at)
    duties.lapse(session, now, settings)
    duties.make(session, now, settings)


def _bracelets(session: Session, head: User, wearers: Sequence[Case], now: datetime) -> None:
    agency = session.get_one(Agency, head.agency_id)
    gateways.add(session, agency.id, GATEWAY)
    names = [f"br-{number:04d}" for number in range(1, len(wearers) + 1)]
    bracelets.import_file(session, "\n".join(["id", *names]).encode(), GATEWAY)
    today = now.astimezone(LEGAL_ZONE).date()
    for number, (case, name) in enumerate(zip(wearers, names, strict=True)):
        days = 12 if number == 1 else 80
        wanted = orders.Wanted(
            ground=Ground.LEFT_WITHOUT_APPROVAL,
            evidence="演示：未经批准离开所居住的市，见询问笔录（演示）",
            facts=[Fact("document", None, "询问笔录（演示）")],
            starts_on=today,
            ends_on=min(today + timedelta(days=days), case.term_end),
        )
        orders.decide(session, head, case.id, wanted, now)
        bracelets.bind(session, case, bracelets.named(session, name), now)
        zones.home_of_divisions(session, case, CITY, valid_from=now, made_by=head.id)
    terms = zones.Terms(kind=ZoneKind.EXCLUSION, name="禁入区（演示）", valid_from=now)
    zones.circle(session, wearers[0], terms, lat=27.74, lon=106.87, radius_m=500)


def _told(session: Session, settings: Settings, officer: User, now: datetime) -> None:
    """Reach everyone but one by a call: nobody here has a phone that messages could arrive at."""
    for notice in session.scalars(select(Notice).order_by(Notice.id)).all()[1:]:
        notices.called(session, notice, officer.id, now, settings, reached=True)


def _confirm_one(session: Session, officer: User, now: datetime) -> None:
    draft = session.scalars(
        select(PointsDraft).where(PointsDraft.state == DraftState.DRAFT).order_by(PointsDraft.id)
    ).first()
    if draft is not None:
        reason = "电话核实：本人忘记签到，无正当理由。"
        points.confirm(session, draft, officer.id, now, reason)


def dwellers(session: Session) -> list[Dweller]:
    """Return who wears the demo's bracelets and where they live and work, around the offices."""
    found = []
    for device in session.scalars(select(Device).order_by(Device.id)):
        dice = Random(device.name)  # noqa: S311 - an invented county, not a secret
        _, lat, lon = OFFICES[device.id % len(OFFICES)]
        home, work = (
            (lat + dice.uniform(-0.02, 0.02), lon + dice.uniform(-0.02, 0.02)) for _ in range(2)
        )
        found.append(Dweller(device.name, home, work, dice.choice(list(Habit))))
    return found
