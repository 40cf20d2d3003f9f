"""What makes the page an app: manifest, service worker, the page without a network."""

from flask import Response, jsonify, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from correction_service import access
from correction_service.law import hotlines
from correction_service.web.phone.frame import blueprint, in_app_browser


@blueprint.get("/manifest.webmanifest")
@access.anyone
def manifest() -> Response:
    """Let the page be put on the home screen."""
    answer = jsonify(
        {
            "name": gettext("My check-in"),
            "short_name": gettext("My check-in"),
            "start_url": url_for("phone.home"),
            "scope": "/m/",
            "display": "standalone",
            "background_color": "#f5f6f8",
            "theme_color": "#1f5fbf",
            "icons": [
                {
                    "src": url_for("static", filename="icon.svg"),
                    "sizes": "any",
                    "type": "image/svg+xml",
                }
            ],
        }
    )
    answer.mimetype = "application/manifest+json"
    return answer


@blueprint.get("/sw.js")
@access.anyone
def worker() -> Response:
    """Give the service worker; from here its scope is /m/."""
    answer = make_response(render_template("phone/sw.js"))
    answer.mimetype = "text/javascript"
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@blueprint.get("/offline")
@access.anyone
def offline() -> ResponseReturnValue:
    """Say what is safe while there is no network; holds nothing personal, so it may be kept."""
    with access.reading() as session:
        return render_template("phone/offline.html", hotlines=hotlines.hotlines_of(session))


@blueprint.get("/browser")
@access.anyone
def browser() -> ResponseReturnValue:
    """Say how to open the page in a browser whose camera works."""
    public = access.service().settings.public_url.rstrip("/")
    address = public + url_for("phone.home")
    return render_template("phone/browser.html", address=address, in_app=in_app_browser())
