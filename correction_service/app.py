"""Make the web application: pages for officers and phones, JSON for programs, one set of guards."""

import secrets
from datetime import timedelta

from apiflask import APIFlask
from flask import Response
from flask_login import LoginManager
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.middleware.proxy_fix import ProxyFix

from correction_service import access, api, locale, problems, web
from correction_service.access import Service
from correction_service.face.aim import Aimer
from correction_service.limits import limiter
from correction_service.settings import Mode, Settings
from models.user import User

MAX_REQUEST_BYTES = 40_000_000


def create_app(service: Service) -> APIFlask:
    """Build the application around an open database and a verifier."""
    app = APIFlask(
        "correction_service",
        title="Correction Service",
        version="v1",
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        static_folder="web/static",
        template_folder="web/templates",
    )
    app.extensions["correction"] = service
    app.extensions["aimer"] = Aimer(service.settings.aim_lanes)
    _configure(app, service.settings)
    locale.speak(app)
    access.keep(app)
    problems.say(app)
    _sign_ins(app, service)
    limiter.init_app(app)
    csrf = CSRFProtect(app)
    api.register(app, csrf)
    web.register(app)
    app.after_request(_headers)
    if service.settings.proxies:
        hops = service.settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


def _configure(app: APIFlask, settings: Settings) -> None:
    if settings.secret_key is None and settings.mode is Mode.PRODUCTION:
        msg = "CORRECTION_SECRET_KEY is not set"
        raise ValueError(msg)
    key = settings.secret_key.get_secret_value() if settings.secret_key else secrets.token_hex()
    app.config.update(
        SECRET_KEY=key,
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        SESSION_COOKIE_NAME="correction",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https:"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(minutes=settings.session_minutes),
        WTF_CSRF_TIME_LIMIT=None,
        OPENAPI_VERSION="3.1.0",
    )


def _sign_ins(app: APIFlask, service: Service) -> None:
    manager = LoginManager(app)

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(stored: str) -> User | None:
        user_id, _, epoch = stored.partition(":")
        query = select(User).where(User.id == int(user_id), User.active)
        with service.database.reading() as session:
            user = session.scalar(query.options(joinedload(User.agency), joinedload(User.office)))
            if user is None or str(user.session_epoch) != epoch:
                return None
            session.expunge_all()
            return user


def _headers(response: Response) -> Response:
    settings = access.service().settings
    tiles = settings.tile_url.split("{")[0].rstrip("/") if settings.tile_url else ""
    origin = "/".join(tiles.split("/")[:3])
    response.headers.update(
        {
            "Content-Security-Policy": (
                f"default-src 'self'; img-src 'self' data: blob: {origin}; media-src 'self' blob:; "
                "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(self), geolocation=(self), microphone=()",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
    )
    if settings.public_url.startswith("https:"):
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if not response.headers.get("Cache-Control"):
        response.headers["Cache-Control"] = "no-store"
    return response
