"""JSON under /api/v1, with OpenAPI 3.1; errors are problem+json."""

from apiflask import APIFlask
from flask_wtf.csrf import CSRFProtect

from correction_service.api import (
    checkins,
    deliveries,
    docs,
    persons,
    positions,
    quality,
    zone_rules,
    zones,
)


def register(app: APIFlask, csrf: CSRFProtect) -> None:
    """Add every JSON blueprint; those with bearer tokens of their own need no CSRF token."""
    app.register_blueprint(checkins.blueprint)
    app.register_blueprint(deliveries.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(persons.blueprint)
    app.register_blueprint(positions.blueprint)
    app.register_blueprint(quality.blueprint)
    app.register_blueprint(zone_rules.blueprint)
    app.register_blueprint(zones.blueprint)
    app.security_schemes = deliveries.SECURITY
    csrf.exempt(deliveries.blueprint)
