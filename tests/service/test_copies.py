"""The copy of one's data has the life of the case too, and nothing of anybody else."""

from datetime import date

from flask import Flask
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.db import Database
from correction_service.rights import life
from correction_service.rights.sections import Section
from correction_service.web.phone import copy_words
from models.activity import ActivityKind, AttendanceState
from models.agency import Agency, AgencyLevel
from models.assessment import PointsMonth, PointsPublication
from models.case import Case
from models.help_request import HelpKind, HelpRequest
from models.leave import LeaveReason
from models.leave_request import AskedHow, LeaveLevel, LeaveRequest, RequestState
from models.milestone import Milestone, Step
from models.points import Rulebook
from models.sentence_correction import CorrectionState
from models.transfer import TransferState
from models.user import Role
from models.volunteer import ContactKind
from tests.county import DAY, NOW, County, add_draft
from tests.filed import moving, put_right
from tests.named import invited, reading, visited

NOVEMBER = date(2026, 11, 1)


def lived(session: Session, county: County) -> dict[str, Section]:
    """A case of which everything is kept that the copy now has."""
    case = session.get_one(Case, county.case)
    by = {"made_by": county.users[Role.OFFICER], "made_at": NOW}
    ban = {"step": Step.EXIT_BAN_REPORTED, "done_on": DAY, "number": "备〔2026〕9号"}
    corrected = put_right(case.id, county)
    corrected.state, corrected.decided_at = CorrectionState.AGREED, NOW
    rulebook: Rulebook = add_draft(session, case.id, "stand_in", "checkin:1").rulebook
    closed = {"base": 93, "held": 0, "total": 73, "days": 28, "edition": 1}
    moved = moving(case, county)
    moved.consult_number, moved.receipt_number = "征求〔2026〕3号", "回执〔2026〕5号"
    moved.reply_number, moved.reply_on, moved.reply = "复函〔2026〕8号", DAY, "同意接收"
    moved.sent_number, moved.sent_on = "移送〔2026〕2号", DAY
    session.add_all(
        [
            Milestone(case_id=case.id, **ban, party="出入境管理大队", guardian="张某", **by),
            corrected,
            moved,
            invited(case.id, county),
            reading(case.id, county),
            visited(case.id, county),
            HelpRequest(case_id=case.id, kind=HelpKind.CALL_BACK, at=NOW),
            LeaveRequest(
                case_id=case.id,
                reason=LeaveReason.MEDICAL,
                regular=False,
                divisions=["520327"],
                starts_at=NOW,
                ends_at=NOW.replace(day=22),
                why="复查",
                level=LeaveLevel.OFFICE,
                days=2,
                asked_at=NOW,
            ),
            PointsMonth(
                case_id=case.id,
                month=NOVEMBER,
                rulebook_id=rulebook.id,
                as_of=NOW,
                closed_at=NOW,
                **closed,
            ),
            PointsPublication(
                agency_id=county.agency, month=NOVEMBER, lines=[[case.id, 73], [9999, 41]], **by
            ),
        ]
    )
    session.flush()
    return {it.name: it for it in life.sections(session, case)}


def test_lessons_contacts_steps_moves_and_what_was_asked_for_are_in_the_copy(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        rows = {name: list(it.rows) for name, it in lived(session, county).items()}
    unknown = None
    assert rows["lessons"] == [
        (NOW, ActivityKind.EDUCATION, "法治教育", "会议室", AttendanceState.INVITED, None, None)
    ]
    assert rows["studies"] == [(NOW, "请假规定", unknown, unknown)]
    assert rows["contacts"] == [(NOW, ContactKind.VISIT, 30)]
    assert rows["steps"] == [(DAY, Step.EXIT_BAN_REPORTED, "备〔2026〕9号")]
    wish = (DAY, "迁居", "凤冈县社区矫正中心", TransferState.ASKED, "征求〔2026〕3号")
    replied = ("复函〔2026〕8号", DAY, "同意接收", unknown)
    assert rows["moves"] == [
        (*wish, *replied, unknown, "移送〔2026〕2号", DAY, unknown, "回执〔2026〕5号")
    ]
    assert rows["corrections"] == [(NOW, "刑更 7", "term_end", "2027-10-31", "2027-06-30")]
    [asked] = rows["leave_requests"]
    undecided = ("复查", RequestState.ASKED, unknown, AskedHow.PAGE)
    assert (asked[1], asked[4:]) == (LeaveReason.MEDICAL, undecided)
    assert rows["help"] == [(NOW, HelpKind.CALL_BACK, unknown)]
    assert rows["publications"] == [(NOW, NOVEMBER, 73)]


def test_a_list_of_an_agency_whose_case_it_never_was_is_not_in_it(
    database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        lived(session, county)
        elsewhere = Agency(name="远县社区矫正中心", level=AgencyLevel.COUNTY, division="520399")
        session.add(elsewhere)
        session.flush()
        by = {"made_by": county.users[Role.OFFICER], "made_at": NOW}
        lines = {"month": NOVEMBER, "lines": [[county.case, 12]]}
        session.add(PointsPublication(agency_id=elsewhere.id, **lines, **by))
        session.flush()
        sections = life.sections(session, session.get_one(Case, county.case))
        [published] = [it.rows for it in sections if it.name == "publications"]
    assert published == [(NOW, NOVEMBER, 73)]


def test_what_others_wrote_or_are_called_is_not_in_it(database: Database, county: County) -> None:
    with database.transaction(SYSTEM, "test") as session:
        said = str(lived(session, county))
    for word in ("家访", "周某", "张某", "9999"):
        assert word not in said


def test_every_table_and_code_of_it_has_words_in_both_languages(
    app: Flask, database: Database, county: County
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        sections = list(lived(session, county).values())
    for language, words in (("zh-CN", "教育学习和公益活动"), ("en", "Lessons and public-benefit")):
        with app.test_request_context(headers={"Accept-Language": language}):
            paper = copy_words.paper(sections, NOW)
        assert words in str(paper)
        cells = [cell for it in paper["sections"] for row in it["rows"] for cell in row]
        assert not {"exit_ban_reported", "term_end", "call_back"} & set(cells)
