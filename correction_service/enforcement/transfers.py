"""Change of the place of enforcement: ask, consult, decide, send the file, receive (IM 30–31).

The old agency asks and decides, the new one replies and receives. Until the person has reported in
there, their duties go on at the old place. Asking late is never refused: the law's month is shown.
What comes by letter from an agency outside the service is entered in `outside_moves`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.orm import Session, joinedload

from correction_service import hours, outbox
from correction_service.casework import clocks, timeline
from correction_service.casework.timeline import Entry, Kind
from correction_service.hardware import bracelets
from correction_service.law import clock_rules
from correction_service.law.limits import bounds_of
from correction_service.messages import notices
from correction_service.people.cases import legal_day, open_case_for
from correction_service.scope import agency_ids, visible
from correction_service.zones import zones
from models.agency import Agency, AgencyLevel, Office
from models.case import IN_HAND, Case
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.order import months_later
from models.transfer import RUNNING, Transfer, TransferState
from models.user import Permission, Role, User
from models.zone import Zone, ZoneKind

CONSULT, REPLY = "transfer_consult", "transfer_reply"
PAPERS, REPORT = "transfer_papers", "transfer_report"
DAY = timedelta(days=1)
MOST = 200
MOST_OF_PLACE = {"name": 120, "county": 120, "address": 200}


class Side(StrEnum):
    """Whose step it is."""

    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, kw_only=True)
class Place:
    """An agency outside the service: its name, its county, and where papers for it go."""

    name: str
    county: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Where the person wants to move, when, why, and on which day they asked.

    Either to an agency of the service or to one outside it.
    """

    to_agency_id: int | None = None
    outside: Place | None = None
    asked_on: date
    moves_on: date
    why: str


def ask(session: Session, user: User, case_id: int, wish: Wish, now: datetime) -> Transfer:
    """Write down what the person asks for; the clock to consult the new place runs."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    session.refresh(case, with_for_update=True)  # two officers do not ask twice
    _check(session, case, wish, legal_day(now))
    transfer = Transfer(
        case=case,
        from_agency_id=case.agency_id,
        from_office_id=case.office_id,
        to_agency_id=wish.to_agency_id,
        **_address(wish.outside),
        state=TransferState.ASKED,
        asked_on=wish.asked_on,
        moves_on=wish.moves_on,
        why=wish.why.strip(),
        asked_by=user.id,
    )
    session.add(transfer)
    clocks.start(session, user, case_id, CONSULT, on=wish.asked_on, note=transfer.why, now=now)
    return changed(session, transfer, now)


def _check(session: Session, case: Case, wish: Wish, today: date) -> None:
    if case.state not in IN_HAND:
        raise Refused("Only a case under correction moves.", field="state")
    _check_place(session, case, wish)
    if wish.asked_on > today:
        raise Invalid("This day is still to come.", field="asked_on")
    if wish.moves_on < wish.asked_on:
        raise Invalid("Nobody moves before they ask.", field="moves_on")
    if not wish.why.strip():
        raise Invalid("Write the reason and what shows it.", field="why")
    if running(session, case.id) is not None:
        raise Refused("A move is under way already.", field="agency")


def _check_place(session: Session, case: Case, wish: Wish) -> None:
    if wish.outside is None:
        if wish.to_agency_id not in {agency.id for agency in places(session, case)}:
            raise Invalid("Choose the agency of the new place.", field="agency")
        return
    for field, most in MOST_OF_PLACE.items():
        said: str = getattr(wish.outside, field)
        if not said.strip():
            raise Invalid("Name the agency, its county, and where papers for it go.", field=field)
        if len(said.strip()) > most:
            raise Invalid("At most %(most)d characters fit here.", field=field, most=most)
    counties = session.scalars(select(Agency.name).where(Agency.level == AgencyLevel.COUNTY))
    if wish.outside.name.strip() in {name.strip() for name in counties}:
        raise Invalid("This agency works with this service: choose it there.", field="name")


def _address(place: Place | None) -> dict[str, str]:
    said = asdict(place) if place else {}
    return {f"to_{field}": words.strip() for field, words in said.items()}


def places(session: Session, case: Case) -> Sequence[Agency]:
    """The county agencies to which a case could move."""
    county = (Agency.level == AgencyLevel.COUNTY, Agency.id != case.agency_id)
    return session.scalars(select(Agency).where(*county).order_by(Agency.division)).all()


def asked_late(session: Session, transfer: Transfer) -> bool:
    """Whether it was asked less than the law's month ahead; it goes its way all the same."""
    ahead = bounds_of(session)["transfer_ahead"].value
    return transfer.moves_on < months_later(transfer.asked_on, ahead)


def consult(session: Session, user: User, transfer_id: int, number: str, now: datetime) -> Transfer:
    """The old place asks the new one; the clock of the reply runs."""
    transfer = step_of(session, user, transfer_id, Permission.SUPERVISE, Side.OLD)
    transfer.consult(number)
    clocks.end_named(session, transfer.case, CONSULT, user.id, number, now=now)
    clocks.begin_named(session, transfer.case, REPLY, number, now)
    return changed(session, transfer, now)


def answer(
    session: Session, user: User, transfer_id: int, *, agrees: bool, reply: str, now: datetime
) -> Transfer:
    """The head of the new place says whether it takes the case, and why."""
    transfer = step_of(session, user, transfer_id, Permission.DECIDE, Side.NEW)
    transfer.answer(user.id, now, agrees=agrees, reply=reply)
    clocks.end_named(session, transfer.case, REPLY, user.id, reply, now=now)
    return changed(session, transfer, now)


def decide(
    session: Session, user: User, transfer_id: int, *, agreed: bool, reason: str, now: datetime
) -> Transfer:
    """The head of the old place decides; the person is told, and by when they report in there."""
    transfer = step_of(session, user, transfer_id, Permission.DECIDE, Side.OLD)
    case = transfer.case
    if agreed:
        transfer.agree(user.id, now, _report_by(session, now), reason)
        for name in (PAPERS, REPORT):
            clocks.begin_named(session, case, name, reason, now)
    else:
        transfer.refuse(user.id, now, reason)
        for name in (CONSULT, REPLY):
            clocks.end_named(session, case, name, user.id, reason, now=now)
    notices.queue(session, case, "transfer", now)
    return changed(session, transfer, now)


def _report_by(session: Session, now: datetime) -> date:
    due = clock_rules.due_of(session, clock_rules.rules_of(session)[REPORT], now)
    if due.at is None:
        raise Refused("The table of clocks has no limit for reporting at the new place.")
    return hours.local_day(due.at) - DAY


def send(session: Session, user: User, transfer_id: int, number: str, now: datetime) -> Transfer:
    """The file went to the new place; a person who was quicker has reported in already."""
    transfer = step_of(session, user, transfer_id, Permission.SUPERVISE, Side.OLD)
    if transfer.outside:
        raise Refused("This place is outside the service: its letters are entered here.")
    transfer.send(number)
    clocks.end_named(session, transfer.case, PAPERS, user.id, number, now=now)
    return changed(session, transfer, now)


def receive(
    session: Session, user: User, transfer_id: int, office_id: int, *, day: date, now: datetime
) -> Transfer:
    """The person reported in at the new place: the case is its own from now on.

    The old agency's bracelet comes off, its home area ends, its accounts leave the team.
    """
    transfer = step_of(session, user, transfer_id, Permission.ENROL, Side.NEW)
    case, office = transfer.case, session.get(Office, office_id)
    if office is None or user.office_id not in {None, office.id}:
        raise Invalid("There is no such office among yours.", field="office")
    if day > legal_day(now):
        raise Invalid("The day of reporting in is still to come.", field="reported_on")
    if transfer.decided_at is not None and day < legal_day(transfer.decided_at):
        raise Invalid("The day of reporting in is before the decision.", field="reported_on")
    transfer.receive(office, day, user.id, now)
    _leave_behind(session, case, now)
    clocks.end_named(session, case, REPORT, user.id, office.name, now=now)
    return changed(session, transfer, now)


def _leave_behind(session: Session, case: Case, now: datetime) -> None:
    bracelets.take_off(session, case, now)
    home = (Zone.case_id == case.id, Zone.kind == ZoneKind.HOME)
    for zone in session.scalars(select(Zone).where(*home)).all():
        if zone.valid_to is None or zone.valid_to > now:
            zones.end(session, zone, now)
    for member in case.team:
        member.user_id = None


def withdraw(
    session: Session, user: User, transfer_id: int, reason: str, now: datetime
) -> Transfer:
    """The move does not happen after all; its clocks end."""
    transfer = step_of(session, user, transfer_id, Permission.SUPERVISE, Side.OLD)
    agreed = transfer.state not in {TransferState.ASKED, TransferState.CONSULTED}
    if agreed and not user.may(Permission.DECIDE):
        raise Forbidden("Your role does not include this.")
    transfer.withdraw(user.id, now, reason)
    for name in (CONSULT, REPLY, PAPERS, REPORT):
        clocks.end_named(session, transfer.case, name, user.id, reason, now=now)
    notices.queue(session, transfer.case, "transfer", now)
    return changed(session, transfer, now)


def step_of(
    session: Session, user: User, transfer_id: int, permission: Permission, side: Side
) -> Transfer:
    """A move that the user may take a step of: each step is one place's alone."""
    if not user.may(permission):
        raise Forbidden("Your role does not include this.")
    transfer = transfer_for(session, user, transfer_id)
    if side not in sides(user, transfer):
        raise Forbidden("This step is the other agency's.")
    session.refresh(transfer, with_for_update=True)
    return transfer


def sides(user: User, transfer: Transfer) -> set[Side]:
    """Of which places the user's agency is."""
    agencies = {Side.OLD: transfer.from_agency_id, Side.NEW: transfer.to_agency_id}
    return {side for side, agency_id in agencies.items() if agency_id == user.agency_id}


def transfer_for(session: Session, user: User, transfer_id: int) -> Transfer:
    """A move from or to the user's offices; another does not exist for them."""
    found = session.scalar(select(Transfer).where(Transfer.id == transfer_id, _seen(user)))
    if found is None:
        raise NotFound("There is no such move in your offices.")
    return found


def _seen(user: User) -> ColumnElement[bool]:
    """Who has the case sees its moves; the new place before it has it, the old one afterwards."""
    if not user.may(Permission.SEE_CASES) or user.role is Role.VOLUNTEER:
        return false()
    gone = Transfer.state == TransferState.RECEIVED
    has_it = exists().where(Case.id == Transfer.case_id, visible(user))
    if user.office_id is not None:
        waits = and_(Transfer.to_agency_id == user.agency_id, Transfer.state.in_(RUNNING))
        return or_(has_it, waits, and_(Transfer.from_office_id == user.office_id, gone))
    ids = agency_ids(user.agency_id)
    waits = and_(Transfer.to_agency_id.in_(ids), ~gone)
    return or_(has_it, waits, and_(Transfer.from_agency_id.in_(ids), gone))


def listed(user: User) -> Select[Transfer]:
    """The moves from and to the user's offices: those under way first, then the latest."""
    query = select(Transfer).where(_seen(user)).limit(MOST)
    case = joinedload(Transfer.case).joinedload(Case.person)
    return query.options(case).order_by(Transfer.state.not_in(RUNNING), Transfer.id.desc())


def to_step(user: User) -> Select[Transfer]:
    """Moves whose next step is one that the user may take, the oldest first."""
    replied = Transfer.replied_at.is_not(None)
    asked, consulted = (
        Transfer.state == it for it in (TransferState.ASKED, TransferState.CONSULTED)
    )
    old, new = (it == user.agency_id for it in (Transfer.from_agency_id, Transfer.to_agency_id))
    steps: list[ColumnElement[bool]] = []
    if user.may(Permission.SUPERVISE):
        steps.append(and_(old, or_(asked, Transfer.state == TransferState.AGREED)))
    if user.may(Permission.ENROL):
        steps.append(and_(new, Transfer.state == TransferState.SENT))
    if user.may(Permission.DECIDE):
        steps.append(and_(consulted, or_(and_(old, replied), and_(new, ~replied))))
    query = select(Transfer).where(_seen(user), or_(false(), *steps))
    case = joinedload(Transfer.case)
    beside = (case.joinedload(Case.person), case.joinedload(Case.office))
    return query.options(*beside).order_by(Transfer.id)


def running(session: Session, case_id: int) -> Transfer | None:
    """The move of a case that is under way."""
    mine = (Transfer.case_id == case_id, Transfer.state.in_(RUNNING))
    return session.scalar(select(Transfer).where(*mine))


def of(session: Session, case_id: int) -> Sequence[Transfer]:
    """Every move of a case, the latest first."""
    query = select(Transfer).where(Transfer.case_id == case_id)
    return session.scalars(query.order_by(Transfer.id.desc())).all()


def past(session: Session, user: User, transfer: Transfer, limit: int) -> list[Entry]:
    """What happened at the old place, which keeps reading it and nothing later; no positions."""
    if transfer.received_at is None or transfer.outside or Side.OLD not in sides(user, transfer):
        return []
    kinds = [kind for kind in Kind if kind is not Kind.BRACELET]
    return timeline.entries(session, transfer.case, kinds, transfer.received_at, limit)


def changed(session: Session, transfer: Transfer, now: datetime) -> Transfer:
    """Tell the pages that show the case."""
    session.flush()
    outbox.live(session, transfer.case, "case", transfer.case_id, now)
    return transfer
