"""The figures that the zone engine decides by, each set from a moment on."""

from apiflask import APIBlueprint
from pydantic import AwareDatetime, BaseModel, Field

from correction_service import access
from correction_service.zones import zone_rules
from correction_service.zones.zone_rules import Standing
from models.rules import BOUNDS, figures_of
from models.user import Permission

blueprint = APIBlueprint("zone_rules_api", __name__, url_prefix="/api/v1", tag="Quality")


class RuleIn(BaseModel):
    """Other figures; those left out are the engine's own."""

    figures: dict[str, float] = Field(
        description="; ".join(f"{name} {it.least:g} to {it.most:g}" for name, it in BOUNDS.items())
    )
    effective_from: AwareDatetime = Field(description="five minutes from now at the earliest")
    reason: str


class WithdrawalIn(BaseModel):
    """The word against a rule that is to come."""

    version: int
    reason: str


class MadeOut(BaseModel):
    """A rule, or the word against one, as it was written down."""

    version: int


class RuleOut(BaseModel):
    """A rule that was made."""

    version: int
    name: str = Field(description="as evidence names it")
    figures: dict[str, float]
    effective_from: AwareDatetime
    standing: Standing
    reason: str
    made_by: str
    made_at: AwareDatetime


class RulesOut(BaseModel):
    """The rule in force, and every one that was made, the newest first."""

    in_force: str
    figures: dict[str, float]
    rules: list[RuleOut]


@blueprint.get("/zone-rules")
@blueprint.output(RulesOut)
@blueprint.doc(summary="Rules of the zone engine", responses=[401, 403])
@access.needs(Permission.SEE_QUALITY)
def rules() -> RulesOut:
    """The figures in force now, and every set that was made."""
    now = access.now()
    with access.reading() as session:
        current = zone_rules.rule_at(session, now)
        made = [
            RuleOut(
                version=it.row.version,
                name=it.rule.version,
                figures=figures_of(it.rule),
                effective_from=it.row.effective_from,
                standing=it.standing,
                reason=it.row.reason,
                made_by=it.by,
                made_at=it.row.made_at,
            )
            for it in zone_rules.entries(session, now)
        ]
    return RulesOut(in_force=current.version, figures=figures_of(current), rules=made)


@blueprint.post("/zone-rules")
@blueprint.input(RuleIn, arg_name="asked")
@blueprint.output(MadeOut, status_code=201)
@blueprint.doc(summary="Put other figures into force", responses=[401, 403, 409, 422])
@access.needs(Permission.CHANGE_RULES)
def put_into_force(asked: RuleIn) -> MadeOut:
    """Let other figures count from a moment on."""
    with access.writing() as session:
        row = zone_rules.put_into_force(
            session, access.user(), **asked.model_dump(), now=access.now()
        )
        return MadeOut(version=row.version)


@blueprint.post("/zone-rules/withdraw")
@blueprint.input(WithdrawalIn, arg_name="asked")
@blueprint.output(MadeOut, status_code=201)
@blueprint.doc(summary="Withdraw a rule that is to come", responses=[401, 403, 404, 409, 422])
@access.needs(Permission.CHANGE_RULES)
def withdraw(asked: WithdrawalIn) -> MadeOut:
    """Say that a rule never begins."""
    with access.writing() as session:
        row = zone_rules.withdraw(
            session, access.user(), asked.version, reason=asked.reason, now=access.now()
        )
        return MadeOut(version=row.version)
