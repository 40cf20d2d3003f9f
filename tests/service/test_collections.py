"""Bracelets that are out without an order: on the list until an officer has them."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import SYSTEM
from correction_service.casework import orders, worklist
from correction_service.casework.needs import Need
from correction_service.db import Database
from correction_service.hardware import bracelets, collections
from models.case import Case
from models.device import Binding, Device
from models.errors import Forbidden, NotFound, Refused
from models.user import Role, User
from tests.county import NOW, County
from tests.pages import SignedInClient
from tests.tracked import Tracked


def user(session: Session, county: County, role: Role = Role.OFFICER) -> User:
    return session.get_one(User, county.users[role])


def due(session: Session, county: County, role: Role = Role.OFFICER) -> list[Binding]:
    return list(session.scalars(collections.due(user(session, county, role), NOW)))


def noted(session: Session, county: County, role: Role = Role.OFFICER) -> list[int]:
    found = worklist.items(session, user(session, county, role), NOW)
    return [it.count for it in found if it.need is Need.BRACELETS]


def test_lcc_29_a_lifted_order_wants_its_bracelet_back_at_once(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        assert due(session, county) == []
        orders.lift(session, user(session, county), tracked.order, NOW)
        (binding,) = due(session, county)
        assert noted(session, county) == [1]
        assert noted(session, county, Role.PROCURATOR) == []
        collections.collect(session, user(session, county), binding.id, NOW)
        assert (binding.unbound_at, binding.collected_at) == (NOW, NOW)
        assert (due(session, county), noted(session, county)) == ([], [])


def test_what_the_service_unbinds_is_still_out_until_it_is_collected_or_fitted_again(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        case = session.get_one(Case, tracked.case)
        bracelets.take_off(session, case, NOW)
        (binding,) = due(session, county)
        assert (binding.unbound_at, binding.collected_at) == (NOW, None)
        device = session.get_one(Device, tracked.device)
        later = NOW + timedelta(hours=1)
        bracelets.bind(session, case, device, later)
        assert binding.collected_at == later, "it was at hand"
        assert due(session, county) == []
        bracelets.unbind(session, device, later)
        assert due(session, county) == [], "an officer took it off"


def test_only_who_fits_bracelets_collects_and_only_what_is_out(
    database: Database, county: County, tracked: Tracked
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        binding = session.scalars(select(Binding)).one()
        with pytest.raises(Forbidden):
            collections.collect(session, user(session, county, Role.PROCURATOR), binding.id, NOW)
        with pytest.raises(Refused, match="order is in force"):
            collections.collect(session, user(session, county), binding.id, NOW)
        with pytest.raises(NotFound):
            collections.collect(session, user(session, county), binding.id + 1, NOW)
        bracelets.take_off(session, session.get_one(Case, tracked.case), NOW)
        elsewhere = user(session, county, Role.OFFICE_HEAD)
        elsewhere.office_id = county.other_office
        assert due(session, county, Role.OFFICE_HEAD) == []


def test_the_devices_page_lists_what_is_out_and_takes_it_back(
    client_of: SignedInClient, database: Database, county: County, tracked: Tracked
) -> None:
    officer = client_of(Role.OFFICER)
    assert "To be taken back" not in officer.get("/devices/").text
    with database.transaction(SYSTEM, "test") as session:
        orders.lift(session, user(session, county), tracked.order, NOW)
        binding = session.scalars(select(Binding)).one().id
    assert "1 bracelet to take back" in officer.get("/").text
    assert "still bound" in officer.get("/devices/").text
    done = officer.post(f"/devices/bindings/{binding}/collect", follow_redirects=True)
    assert "The bracelet is back." in done.text
    assert "To be taken back" not in done.text
