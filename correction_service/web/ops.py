"""What machines ask: alive, ready, figures."""

from apiflask import APIBlueprint
from flask import Response, jsonify
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from correction_service import access, readiness
from models.errors import Forbidden

blueprint = APIBlueprint("ops", __name__, enable_openapi=False)


@blueprint.get("/healthz")
@access.anyone
def healthz() -> ResponseReturnValue:
    """Say that the process answers."""
    return jsonify({"ok": True})


@blueprint.get("/readyz")
@access.anyone
def readyz() -> ResponseReturnValue:
    """Say whether database, broker and schedule work; 503 names what does not."""
    found = readiness.check(access.service().database, access.service().settings, access.now())
    return jsonify(found), 200 if all(found.values()) else 503


@blueprint.get("/metrics")
@access.bearer
def metrics() -> ResponseReturnValue:
    """Figures for Prometheus, behind a token; without one configured, closed."""
    if not access.bears(access.service().settings.metrics_token):
        raise Forbidden("The token of /metrics is missing or wrong.")
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
