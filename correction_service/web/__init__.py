"""Pages: the console of officers, the phone page of supervised people."""

from apiflask import APIFlask

from correction_service.web import auth, ops


def register(app: APIFlask) -> None:
    """Add every page's blueprint."""
    for blueprint in (auth.blueprint, ops.blueprint):
        app.register_blueprint(blueprint)
