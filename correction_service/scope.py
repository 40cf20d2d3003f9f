"""Who sees which cases: an officer their office or county, an agency everything below it."""

from sqlalchemy import ColumnElement, Select, false, select
from sqlalchemy.orm import Session

from models.agency import Agency
from models.case import Case
from models.errors import Forbidden, NotFound
from models.user import Permission, User


def agency_ids(agency_id: int) -> Select[int]:
    """Select the ids of an agency and of every agency under it."""
    tree = select(Agency.id).where(Agency.id == agency_id).cte(recursive=True)
    tree = tree.union(select(Agency.id).join(tree, Agency.parent_id == tree.c.id))
    return select(tree.c.id)


def agencies_below(agency_id: int) -> ColumnElement[bool]:
    """Match cases of an agency and of every agency under it."""
    return Case.agency_id.in_(agency_ids(agency_id))


def visible(user: User) -> ColumnElement[bool]:
    """Match the cases that a user may see at all."""
    if not user.may(Permission.SEE_CASES):
        return false()
    if user.office_id is not None:
        return Case.office_id == user.office_id
    return agencies_below(user.agency_id)


def case_for(
    session: Session, user: User, case_id: int, permission: Permission = Permission.SEE_CASES
) -> Case:
    """Return a case that the user may see and act on; an unseen one does not exist for them."""
    if not user.may(permission):
        raise Forbidden("Your role does not include this.")
    case = session.scalar(select(Case).where(Case.id == case_id, visible(user)))
    if case is None:
        raise NotFound("There is no such case in your offices.")
    return case
