"""What each kind of incident means: its rule, how soon to look, the law, and innocent explanations.

An explanation is an English sentence and the key of its translation. `verified` says whether the
article's official text was read; the console shows the mark.
"""

from dataclasses import dataclass

from models.incident import IncidentKind as Kind
from models.incident import Severity


@dataclass(frozen=True)
class Meaning:
    """Why an incident of this kind matters, and why it may not."""

    rule: str
    severity: Severity
    law: str | None
    verified: bool
    innocent: tuple[str, ...]


_FAULT = "The bracelet may be faulty."
_BATTERY = "The battery may be empty."
_COVERAGE = "The place may have no reception."
_DRIFT = "Positions drift between tall buildings and indoors."
_EMERGENCY = "There may have been an emergency."
_SAME_BUS = "They may have ridden in the same bus or waited in the same hall."
_CHANCE = "They may not know that the other is near."

MEANINGS: dict[Kind, Meaning] = {
    Kind.LEFT_HOME_AREA: Meaning(
        "home-exit@1",
        Severity.URGENT,
        "LCC 27",
        verified=True,
        innocent=(
            "Leave may have been approved but not entered yet.",
            _DRIFT,
            "The road may run along the border.",
            _EMERGENCY,
        ),
    ),
    Kind.ENTERED_EXCLUSION: Meaning(
        "exclusion-entry@1",
        Severity.URGENT,
        "LCC 29",
        verified=True,
        innocent=("The person may only be passing on a road or a bus.", _DRIFT),
    ),
    Kind.OUT_IN_CURFEW: Meaning(
        "curfew-out@1",
        Severity.SOON,
        "IM 35",
        verified=False,
        innocent=("Work or travel home may have run late.", _DRIFT, _EMERGENCY),
    ),
    Kind.STRAP_OPENED: Meaning(
        "strap-open@1",
        Severity.URGENT,
        "IM 37",
        verified=False,
        innocent=("The strap may have been caught at work.", "Staff may be refitting it.", _FAULT),
    ),
    Kind.CASE_OPENED: Meaning(
        "case-open@1",
        Severity.URGENT,
        "IM 37",
        verified=False,
        innocent=("A hard knock can trip the sensor.", "Staff may be servicing it.", _FAULT),
    ),
    Kind.SEPARATED: Meaning(
        "separation@2",
        Severity.URGENT,
        "IM 37",
        verified=False,
        innocent=("Cold or loose fit can end skin contact.", _FAULT),
    ),
    Kind.JAMMED: Meaning(
        "jamming@1",
        Severity.SOON,
        "IM 37",
        verified=False,
        innocent=("Machines and restricted sites disturb radio too.", _FAULT),
    ),
    Kind.DEVICE_SILENT: Meaning(
        "outage@2",
        Severity.SOON,
        "LCC 30",
        verified=True,
        innocent=(_BATTERY, _COVERAGE, "The gateway may be down.", _FAULT),
    ),
    Kind.POWER_OFF: Meaning(
        "power-off@1",
        Severity.SOON,
        "IM 37",
        verified=False,
        innocent=(_BATTERY, _FAULT),
    ),
    Kind.SOS: Meaning(
        "sos@1",
        Severity.URGENT,
        None,
        verified=True,
        innocent=("The button may have been pressed by accident.",),
    ),
    Kind.IMPOSSIBLE_SPEED: Meaning(
        "speed@1",
        Severity.WATCH,
        "IM 37",
        verified=False,
        innocent=(
            "A receiver that finds itself again may jump.",
            "Trains and aircraft are fast.",
            _FAULT,
        ),
    ),
    Kind.IMPLAUSIBLE_ACCURACY: Meaning(
        "accuracy@1",
        Severity.WATCH,
        "IM 37",
        verified=False,
        innocent=(
            "Some receivers claim more than they know between walls and under roofs.",
            _DRIFT,
            _FAULT,
        ),
    ),
    Kind.AWAY_FROM_PLACE: Meaning(
        "place-away@1",
        Severity.SOON,
        "IM 24",
        verified=False,
        innocent=(
            "The shift or the class may have been moved or cancelled.",
            "Somebody may have sent the person on an errand.",
            _DRIFT,
            _EMERGENCY,
        ),
    ),
    Kind.AWAY_FROM_DESTINATION: Meaning(
        "destination-away@1",
        Severity.WATCH,
        "LCC 27",
        verified=True,
        innocent=(
            "The person may be on the way.",
            "The matter may have led to a hospital, a court or an employer in the next county.",
            _DRIFT,
            _EMERGENCY,
        ),
    ),
    Kind.LEAVE_OVERDUE: Meaning(
        "leave-overdue@1",
        Severity.SOON,
        "IM 28",
        verified=False,
        innocent=(
            "The train or bus may be late.",
            "An extension may have been approved but not entered yet.",
            "The person may be back and not signed off yet.",
            "Illness, an accident or a delay may have been reported already.",
            _COVERAGE,
        ),
    ),
    Kind.CONTACT: Meaning(
        "company@1",
        Severity.SOON,
        "IM 25",
        verified=False,
        innocent=(
            _SAME_BUS,
            "They may live or work next door to each other.",
            "An officer may have asked both to come.",
            _CHANCE,
            _DRIFT,
        ),
    ),
    Kind.GATHERING: Meaning(
        "company@1",
        Severity.SOON,
        "IM 25",
        verified=False,
        innocent=(
            _SAME_BUS,
            "A class, public-benefit work or a visit to the office may bring them together.",
            "It may be a funeral or a wedding in the family.",
            _CHANCE,
            _DRIFT,
        ),
    ),
}
