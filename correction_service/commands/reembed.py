"""`face re-embed`: templates of earlier models, made anew from the photos that were kept."""

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from correction_service.audit import Actor
from correction_service.commands.recognisers import explained, load
from correction_service.db import Database, open_database
from correction_service.people import remaking
from correction_service.people.remaking import Outdated, Remade
from correction_service.settings import Settings
from models.errors import NotFound
from models.user import User

if TYPE_CHECKING:
    from correction_service.face.recogniser import Recogniser

VIA = "face re-embed"


@click.command("re-embed")
@click.option("--by", "username", required=True, help="Account of the officer who answers for it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.pass_obj
def re_embed(settings: Settings, username: str, *, as_json: bool) -> None:
    """Make templates of earlier models anew; list who must be enrolled again.

    Each person is one transaction: stopped and started again, it goes on where it was.
    """
    with explained():
        recogniser = load(settings)
        _ = recogniser.thresholds  # nothing is made anew that could be compared by no threshold
    with closing(open_database(settings)) as database:
        with database.reading() as session:
            by = _officer(session, username)
            found = remaking.outdated(session, by, recogniser.model_version)
            officer_id = by.id
        done = []
        for number, it in enumerate(found, start=1):
            done.append((it, _remake(database, settings, recogniser, it, officer_id)))
            click.echo(f"{number} of {len(found)} templates", err=True)
    _say(remaking.report(done), as_json=as_json)


def _officer(session: Session, username: str) -> User:
    user = session.scalar(select(User).where(User.username == username, User.active))
    if user is None:
        raise NotFound("There is no such account.", field="by")
    return user


def _remake(
    database: Database, settings: Settings, recogniser: "Recogniser", it: Outdated, officer_id: int
) -> Remade:
    """Open the photos, judge them with no transaction open, write in one short one."""
    actor = Actor("user", str(officer_id))
    with database.transaction(actor, VIA) as session:
        photos = remaking.kept_photos(session, settings, it.template_id)
    verdict = recogniser.enrol(photos)
    with database.transaction(actor, VIA) as session:
        by = session.get_one(User, officer_id)
        return remaking.put(session, it.template_id, verdict, by, datetime.now(UTC))


def _say(report: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    click.echo(f"{report['remade']} templates made anew")
    anew = report["enrol_anew"]
    assert isinstance(anew, list)  # noqa: S101 - as report() makes it
    for it in anew:
        click.echo(f"enrol anew\t{it['case']}\t{it['office']}\t{it['reason']}")
