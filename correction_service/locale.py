"""Which language and clock a page speaks: Chinese unless the browser says English."""

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Flask, request, session
from flask_babel import Babel, format_datetime, gettext, ngettext
from markupsafe import Markup

from correction_service import access
from models.case import LEGAL_ZONE

LANGUAGES = ("zh", "en")
CATALOGUES = "translations;web/console/translations;web/phone/translations"


def chosen() -> str:
    """Return the language of this request: chosen by hand, else the browser's, else Chinese."""
    by_hand = request.args.get("lang") or session.get("lang")
    if by_hand in LANGUAGES:
        if session.get("lang") != by_hand:
            session["lang"] = by_hand
        return str(by_hand)
    return request.accept_languages.best_match(LANGUAGES) or "zh"


def speak(app: Flask) -> None:
    """Bind the languages and the time filters to an application."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = CATALOGUES
    Babel(app, locale_selector=chosen, timezone_selector=lambda: LEGAL_ZONE.key)
    app.jinja_env.filters.update(ago=ago, moment=moment, duration=duration, spoken=spoken)
    app.jinja_env.globals.update(language=chosen, languages=LANGUAGES, legal_zone=LEGAL_ZONE.key)


def spoken(said: str | Mapping[str, str]) -> str:
    """What a table says in both languages, in the one chosen; a county's own text as it stands."""
    return said if isinstance(said, str) else said[chosen()]


def moment(at: datetime | None) -> str:
    """Say a moment exactly, with its zone."""
    if at is None:
        return str(gettext("unknown"))
    return str(format_datetime(at, "yyyy-MM-dd HH:mm:ss 'UTC'xxx"))


def duration(minutes: int) -> str:
    """Say minutes as hours and minutes: 2 h 30 min."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return str(gettext("%(minutes)d min", minutes=rest))
    return str(gettext("%(hours)d h %(minutes)d min", hours=hours, minutes=rest))


def ago(at: datetime | None) -> Markup:
    """Say how long ago in words, the exact time on hover; unknown is said, never blank."""
    if at is None:
        return Markup("<span class='unknown'>{}</span>").format(gettext("unknown"))
    seconds = int((access.now() - at.astimezone(UTC)).total_seconds())
    return Markup("<time datetime='{}' title='{}'>{}</time>").format(
        at.astimezone(UTC).isoformat(), moment(at), _distance(seconds)
    )


def _distance(seconds: int) -> str:
    minutes, hours, days = abs(seconds) // 60, abs(seconds) // 3600, abs(seconds) // 86400
    if days:
        words = ngettext("%(num)d day", "%(num)d days", days)
    elif hours:
        words = ngettext("%(num)d hour", "%(num)d hours", hours)
    elif minutes:
        words = ngettext("%(num)d minute", "%(num)d minutes", minutes)
    else:
        return str(gettext("just now"))
    pattern = gettext("%(distance)s ago") if seconds >= 0 else gettext("in %(distance)s")
    return str(pattern % {"distance": words})
