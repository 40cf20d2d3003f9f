"""Words of the enrolment pages for codes that only they show."""

from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

TITLES = {
    "team": _l("Correction team"),
    "report_in": _l("Reporting in"),
    "consent": _l("Consent to the face check"),
    "face": _l("Face"),
    "phone": _l("Phone page"),
    "plan": _l("Check-in plan"),
    "order": _l("Positioning order"),
    "home": _l("Home area"),
    "bracelet": _l("Bracelet"),
}
PARTS = {
    "officer": _l("officer"),
    "family": _l("family"),
    "neighbour": _l("neighbour"),
    "employer": _l("employer or school"),
    "volunteer": _l("volunteer"),
    "guardian": _l("guardian"),
    "specialist": _l("somebody who knows young people"),
    "other": _l("other"),
}


def weekdays() -> list[str]:
    """Return short names of the weekdays, Monday first."""
    locale = get_locale()
    names = locale.days["format"]["abbreviated"] if locale else {}
    return [str(names.get(day, day + 1)) for day in range(7)]
