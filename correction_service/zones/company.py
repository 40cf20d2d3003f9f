"""Who is to keep apart by an order, and where their meeting is no contact (IM 25)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from correction_service import outbox
from correction_service.people.cases import open_case_for
from correction_service.scope import visible
from models.case import ENDED, Case
from models.company import CompanyBan, CompanyBanCase, MeetingPlace
from models.errors import Forbidden, Invalid, NotFound, Refused
from models.incident import Incident
from models.user import Permission, User

MOST_WORDS = 400
MOST_CASES = 20
PLACE_RADIUS_M = (20.0, 1000.0)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Who else is to keep apart, by the numbers of their cases or as named, on which order."""

    numbers: Sequence[str]
    named: str | None
    basis: str
    valid_from: datetime
    valid_to: datetime | None = None

    def check(self, now: datetime) -> None:
        """Refuse terms that name nobody, rest on nothing or run backwards."""
        if not self.basis.strip():
            raise Invalid("Name the order or decision that keeps them apart.", field="basis")
        if not self.numbers and not (self.named or "").strip():
            raise Invalid("Name at least one other person.", field="numbers")
        if len(self.numbers) >= MOST_CASES:
            raise Invalid("At most 20 people are kept apart together.", field="numbers")
        for field in ("basis", "named"):
            if len(getattr(self, field) or "") > MOST_WORDS:
                raise Invalid("At most 400 characters fit here.", field=field)
        if self.valid_from < now:
            raise Invalid("Nobody is kept apart in the past.", field="valid_from")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise Invalid("It ends after it begins.", field="valid_to")


def forbid(session: Session, user: User, case_id: int, terms: Terms, now: datetime) -> CompanyBan:
    """Record that an order keeps this case and others apart."""
    case = open_case_for(session, user, case_id, Permission.SUPERVISE)
    terms.check(now)
    others = [_numbered(session, user, number) for number in dict.fromkeys(terms.numbers)]
    if case in others:
        raise Invalid("That is this person's own case.", field="numbers")
    ban = CompanyBan(
        agency_id=case.agency_id,
        basis=terms.basis.strip(),
        named=(terms.named or "").strip() or None,
        valid_from=terms.valid_from,
        valid_to=terms.valid_to,
        made_by=user.id,
        made_at=now,
        members=[CompanyBanCase(case=it) for it in (case, *others)],
    )
    session.add(ban)
    return _changed(session, ban, now)


def _numbered(session: Session, user: User, number: str) -> Case:
    found = session.scalar(select(Case).where(Case.number == number, visible(user)))
    if found is None or found.state in ENDED:
        raise Invalid(
            "No open case in your offices has the number %(number)s.",
            field="numbers",
            number=number,
        )
    return found


def lift(session: Session, user: User, ban_id: int, now: datetime) -> CompanyBan:
    """They may meet from now on; only who sees all of them may say so."""
    ban = ban_for(session, user, ban_id)
    seen = select(Case.id).where(visible(user), Case.id.in_([it.case_id for it in ban.members]))
    if len(session.scalars(seen).all()) < len(ban.members):
        raise Forbidden("Another office has a say in this: not all of these cases are yours.")
    if ban.valid_to is not None and ban.valid_to <= now:
        raise Refused("This has ended already.")
    ban.valid_to = now
    return _changed(session, ban, now)


def ban_for(session: Session, user: User, ban_id: int) -> CompanyBan:
    """A ban that concerns a case of the user's; another does not exist for them."""
    if not user.may(Permission.SUPERVISE):
        raise Forbidden("Your role does not include this.")
    mine = CompanyBan.members.any(CompanyBanCase.case.has(visible(user)))
    ban = session.scalar(select(CompanyBan).where(CompanyBan.id == ban_id, mine))
    if ban is None:
        raise NotFound("There is no such ban on contact in your offices.")
    return ban


def _changed(session: Session, ban: CompanyBan, now: datetime) -> CompanyBan:
    session.flush()
    for member in ban.members:
        outbox.live(session, member.case, "case", member.case_id, now)
    return ban


@dataclass(frozen=True)
class Company:
    """A ban as one user may see it: the people of their offices, and how many others there are."""

    ban: CompanyBan
    seen: Sequence[Case]
    hidden: int


def of(session: Session, user: User, case: Case) -> list[Company]:
    """What keeps a case apart from others, the latest first."""
    mine = CompanyBan.members.any(CompanyBanCase.case_id == case.id)
    query = select(CompanyBan).where(mine).order_by(CompanyBan.id.desc())
    found = []
    for ban in session.scalars(query.options(selectinload(CompanyBan.members))):
        others = [it.case_id for it in ban.members if it.case_id != case.id]
        found.append(Company(ban, *_seen(session, user, others)))
    return found


def companions(session: Session, user: User, incident: Incident) -> tuple[Sequence[Case], int]:
    """With whom: the cases that the user may see, and how many they may not."""
    others = [it for it in incident.facts.get("cases", ()) if it != incident.case_id]
    return _seen(session, user, others)


def _seen(session: Session, user: User, cases: Sequence[int]) -> tuple[Sequence[Case], int]:
    query = select(Case).where(Case.id.in_(cases), visible(user)).order_by(Case.id)
    seen = session.scalars(query).all()
    return seen, len(cases) - len(seen)


def places(session: Session, agency_id: int, now: datetime) -> Sequence[MeetingPlace]:
    """Where meeting is no contact."""
    current = or_(MeetingPlace.ended_at.is_(None), MeetingPlace.ended_at > now)
    query = select(MeetingPlace).where(MeetingPlace.agency_id == agency_id, current)
    return session.scalars(query.order_by(MeetingPlace.name)).all()


def add_place(
    session: Session,
    user: User,
    name: str,
    *,
    at: tuple[float, float],
    radius_m: float,
    now: datetime,
) -> MeetingPlace:
    """A place of the agency where people may meet; `at` is latitude and longitude in WGS-84."""
    lat, lon = at
    if not name.strip():
        raise Invalid("A place has a name.", field="name")
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # noqa: PLR2004 - degrees
        raise Invalid("Latitude is -90 to 90 and longitude -180 to 180 degrees.", field="lat")
    if not PLACE_RADIUS_M[0] <= radius_m <= PLACE_RADIUS_M[1]:
        raise Invalid("A place to meet reaches 20 m to 1 km.", field="radius_m")
    place = MeetingPlace(
        agency_id=user.agency_id,
        name=name.strip(),
        lat=lat,
        lon=lon,
        radius_m=radius_m,
        made_by=user.id,
        made_at=now,
    )
    session.add(place)
    session.flush()
    return place


def end_place(session: Session, user: User, place_id: int, now: datetime) -> None:
    """Meeting there counts as anywhere else from now on."""
    place = session.get(MeetingPlace, place_id)
    if place is None or place.agency_id != user.agency_id:
        raise NotFound("There is no such place of your agency.")
    if place.ended_at is not None:
        raise Refused("This has ended already.")
    place.ended_at = now
    session.flush()
