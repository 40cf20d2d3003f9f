"""How the rules do, as numbers for programs."""

from datetime import timedelta

from apiflask import APIBlueprint
from pydantic import AwareDatetime, BaseModel, Field

from correction_service import access
from correction_service.incidents import quality
from correction_service.incidents.quality import PERIODS, USUAL, Line, Quality, Spread
from models.errors import Invalid
from models.incident import Cause, IncidentKind
from models.user import Permission

blueprint = APIBlueprint("quality_api", __name__, url_prefix="/api/v1", tag="Quality")


class PeriodIn(BaseModel):
    """The time that is counted."""

    days: int = Field(USUAL, description="7, 30 or 90, up to now")


class SpreadOut(BaseModel):
    """A time by nearest rank, in seconds; null where there is none."""

    p50_s: float | None
    p90_s: float | None

    @classmethod
    def of(cls, spread: Spread) -> "SpreadOut":
        """Of a spread."""
        return cls(p50_s=_seconds(spread.p50), p90_s=_seconds(spread.p90))


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds()


class RuleOut(BaseModel):
    """How one rule did."""

    kind: IncidentKind
    rule: str = Field(description="name and version of what raised the incidents")
    engine: str | None = Field(description="of the zone engine, where it decided")
    incidents: int = Field(description="opened in the time")
    open: int = Field(description="of those, not closed yet")
    causes: dict[Cause, int] = Field(description="of the closed ones")
    false: int = Field(description="closed with a cause that makes them false alarms")
    false_share: float | None = Field(description="of the closed ones; null while none is closed")
    acknowledged: SpreadOut = Field(description="from its opening to somebody's first answer")
    closed: SpreadOut = Field(description="from its opening to somebody's closing")
    a_wearer_day: float | None

    @classmethod
    def of(cls, measured: Quality, line: Line) -> "RuleOut":
        """Of a line."""
        return cls(
            **line.key._asdict(),
            incidents=line.incidents,
            open=line.open,
            causes=dict(line.causes),
            false=line.false,
            false_share=line.false_share,
            acknowledged=SpreadOut.of(line.acknowledged),
            closed=SpreadOut.of(line.closed_after),
            a_wearer_day=measured.a_wearer_day(line),
        )


class QualityOut(BaseModel):
    """Every rule that raised something in [since, until), the most frequent first."""

    since: AwareDatetime
    until: AwareDatetime
    wearer_days: float
    rules: list[RuleOut]


@blueprint.get("/quality")
@blueprint.input(PeriodIn, location="query", arg_name="asked")
@blueprint.output(QualityOut)
@blueprint.doc(summary="How each rule does", responses=[401, 403, 422])
@access.needs(Permission.SEE_QUALITY)
def rules(asked: PeriodIn) -> QualityOut:
    """False shares by cause, response times and incidents a wearer-day, of the cases you see."""
    if asked.days not in PERIODS:
        raise Invalid("Choose 7, 30 or 90 days.", field="days")
    with access.reading() as session:
        measured = quality.measure(session, access.user(), asked.days, access.now())
    return QualityOut(
        since=measured.since,
        until=measured.until,
        wearer_days=measured.wearer_days,
        rules=[RuleOut.of(measured, line) for line in measured.lines],
    )
