"""What every page of the console has around it: the bar, the ways to go, the counts beside them."""

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from apiflask import APIBlueprint
from flask import request
from flask.blueprints import BlueprintSetupState
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from correction_service import access
from correction_service.casework import worklist
from correction_service.web.console import (
    acts,
    evidence_words,
    facts,
    ingest,
    reasons,
    sentences,
    words,
)
from correction_service.zones import destinations
from devices.messages import Reason
from models.user import Permission, User

blueprint = APIBlueprint("frame", __name__, enable_openapi=False)


@dataclass(frozen=True)
class Place:
    """A way to go: shown to those who hold one of `permissions`; `count` names what waits there."""

    endpoint: str
    label: str
    permissions: tuple[Permission, ...]
    count: str | None = None
    also: tuple[str, ...] = ()  # other blueprints whose pages are of the place
    menu: str | None = None  # that it is in; none: always in sight
    never: Permission | None = None  # whoever holds this has a home of their own

    def open_to(self, user: User) -> bool:
        """Whether the user may go there."""
        theirs = self.never is None or not user.may(self.never)
        return theirs and any(user.may(permission) for permission in self.permissions)

    @property
    def here(self) -> bool:
        """Whether this request is for a page of the place."""
        return request.blueprint in {self.endpoint.partition(".")[0], *self.also}


P = Permission
CASEWORK, RECORD, OFFICE = _l("Casework"), _l("Figures and record"), _l("Our office")
PLACES = (
    Place("oversight.index", _l("Legal supervision"), (P.OVERSEE,)),
    Place("console.home", _l("Who needs me"), (P.SEE_CASES,), never=P.OVERSEE),
    Place("volunteers.mine", _l("Whom I accompany"), (P.ACCOMPANY,)),
    Place("people.index", _l("People"), (P.SEE_CASES,)),
    Place("reviews.queue", _l("Check-ins to review"), (P.SEE_REVIEWS,), "reviews"),
    Place("incidents.index", _l("Incidents"), (P.SEE_CASES,), "incidents"),
    Place("flags.index", _l("Flags"), (P.SEE_CASES,), "flags", also=("risk",)),
    Place("points.index", _l("Points"), (P.SEE_CASES,), "drafts", also=("assessment",)),
    Place("calls.index", _l("Calls"), (P.SUPERVISE,), "calls"),
    Place("requests.index", _l("Requests"), (P.SUPERVISE, P.ANSWER_PETITIONS)),
    Place(
        "life.index",
        _l("Intake and release"),
        (P.SEE_CASES,),
        also=("transfers", "endings"),
        menu=CASEWORK,
    ),
    Place("clocks.index", _l("Clocks"), (P.SEE_CASES,), menu=CASEWORK),
    Place("searches.index", _l("Searches"), (P.SEE_CASES,), menu=CASEWORK),
    Place("discipline.index", _l("Rewards and penalties"), (P.SEE_CASES,), menu=CASEWORK),
    Place(
        "learning.index",
        _l("Education and service"),
        (P.SEE_CASES,),
        also=("studies",),
        menu=CASEWORK,
    ),
    Place("quality.index", _l("Quality"), (P.SEE_QUALITY,), also=("rules",), menu=RECORD),
    Place("statistics.index", _l("Statistics"), (P.SEE_QUALITY,), menu=RECORD),
    Place("opinions.index", _l("Opinions"), (P.SEE_OPINIONS,), menu=RECORD),
    Place("audit.index", _l("Audit"), (P.SEE_AUDIT,), menu=RECORD),
    Place("shifts.index", _l("Duty roster"), (P.SEE_CASES,), menu=OFFICE),
    Place("devices.index", _l("Devices"), (P.SEE_LOCATION, P.ADMINISTER), menu=OFFICE),
    Place("ingest.index", _l("Ingest"), (P.ADMINISTER, P.APPROVE_ORDERS), menu=OFFICE),
    Place("runs.index", _l("Runs"), (P.ADMINISTER, P.APPROVE_ORDERS), menu=OFFICE),
    Place("users.index", _l("Users"), (P.ADMINISTER,), menu=OFFICE),
)


def _main_menu(user: User) -> list[tuple[str | None, list[Place]]]:
    """What is open to the user in order, by menu; a menu of one place is no menu."""
    theirs = groupby((place for place in PLACES if place.open_to(user)), attrgetter("menu"))
    menus = [(menu, list(places)) for menu, places in theirs]
    return [(menu if len(places) > 1 else None, places) for menu, places in menus]


def _counts(user: User) -> dict[str, int]:
    with access.reading() as session:
        return worklist.counts(session, user)


@blueprint.app_context_processor
def around() -> dict[str, Any]:
    """Give the templates the account, its places and the words; nothing on pages of strangers."""
    if not current_user.is_authenticated:
        return {}
    user = access.user()
    return {
        "me": user,
        "may": user.may,
        "P": Permission,
        "main_menu": _main_menu(user),
        "counts": lambda: _counts(user),
        "settings": access.service().settings,
        "now": access.now(),
        "outage": ingest.alarm,
        "reject_codes": [reason.value for reason in Reason],
    }


@blueprint.record
def _speak(state: BlueprintSetupState) -> None:
    app = state.app
    app.jinja_env.filters.update(
        word=words.word,
        named=words.named,
        errand=words.errand,
        source=words.source,
        alerted=words.alerted,
        word_of_way=words.way,
        destination=destinations.called,
        at_home=destinations.at_home,
        weekday=sentences.weekday,
        seen=sentences.seen,
        ending=sentences.ending,
        flagged=sentences.flagged,
        family=words.family,
        band=words.band,
        reason=sentences.reason,
        innocent=sentences.innocent,
        distance=sentences.distance,
        lasting=sentences.lasting,
        percent=sentences.percent,
        clock=sentences.clock,
        signed=sentences.signed,
        day=sentences.day,
        day_end=sentences.day_end,
        until=sentences.until,
        hour=sentences.hour,
        stepped=sentences.stepped,
        device_said=sentences.device_said,
        matters=facts.matters,
        facts=facts.of_incident,
        likeness=facts.likeness,
        cue=evidence_words.cue,
        sign=evidence_words.sign,
        perhaps=evidence_words.perhaps,
        basis=evidence_words.basis,
        quality=facts.quality,
        turned_away=reasons.word,
        turned_away_to_do=reasons.to_do,
        figure=sentences.figure,
        most=sentences.most,
        evidence=facts.evidence,
        weekdays=facts.weekdays,
        local=facts.local,
    )
    app.jinja_env.globals.update(url_with=acts.url_with, ngettext=ngettext)
