"""What the phone pages share: blueprint, words, and the way out of chat programs' browsers."""

import re
from datetime import datetime, timedelta

from apiflask import APIBlueprint
from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_datetime, gettext

from correction_service import access, hours, locale
from correction_service.face.words import Words
from correction_service.presence import agenda

blueprint = APIBlueprint("phone", __name__, url_prefix="/m", enable_openapi=False)
LAWS = {"LCC": "《社区矫正法》", "IM": "《社区矫正法实施办法》", "PIPL": "《个人信息保护法》"}
ARTICLE = re.compile(rf"({'|'.join(LAWS)}) ([0-9–]+)")
IN_APP_BROWSERS = ("micromessenger", "qq/", "dingtalk", "alipayclient", "weibo")


def in_app_browser() -> bool:
    """Whether a chat program shows the page: no reliable camera, and cookies of its own."""
    agent = request.user_agent.string.lower()
    return any(name in agent for name in IN_APP_BROWSERS)


def to_a_browser() -> ResponseReturnValue | None:
    """Send on from inside a chat program to the page that says how to open a browser."""
    return redirect(url_for("phone.browser")) if in_app_browser() else None


@blueprint.app_template_filter()
def bilingual(words: Words) -> str:
    """Choose the reader's language of a sentence kept in two."""
    return words.zh if locale.chosen() == "zh" else words.en


@blueprint.app_template_filter()
def article(basis: str) -> str:
    """Say a law by its name where the reader's language has one: LCC 27 is 《社区矫正法》第27条."""
    if locale.chosen() != "zh":
        return basis
    return ARTICLE.sub(lambda found: f"{LAWS[found[1]]}第{found[2]}条", basis)


@blueprint.app_template_filter()
def window(due: agenda.Window) -> str:
    """Say a window as people do: today 09:00–11:00."""
    times = f"{_clock(due.opens_at)}\N{WORD JOINER}–\N{WORD JOINER}{_clock(due.closes_at)}"
    return f"{_day(due.opens_at)} {times}"


@blueprint.app_template_filter()
def hour_of_day(moment: datetime) -> str:
    """Say a moment as people do: tomorrow 18:00."""
    return f"{_day(moment)} {_clock(moment)}"


@blueprint.app_template_filter()
def last_day(end: datetime) -> str:
    """Say the last day of what ends at a moment: 2026-12-19 for midnight after it."""
    return hours.last_day(end).isoformat()


def _clock(moment: datetime) -> str:
    return str(format_datetime(moment, "HH:mm"))


def _day(moment: datetime) -> str:
    day, today = hours.local_day(moment), hours.local_day(access.now())
    if day == today:
        return str(gettext("today"))
    if day == today + timedelta(days=1):
        return str(gettext("tomorrow"))
    return str(format_datetime(moment, gettext("EEE d MMM")))
