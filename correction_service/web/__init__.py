"""Pages: the console of officers, the phone page of supervised people."""

from apiflask import APIFlask

from correction_service.web import auth, console, live, ops, phone


def register(app: APIFlask) -> None:
    """Add every page's blueprint."""
    ours = (auth.blueprint, ops.blueprint, live.blueprint)
    for blueprint in (*ours, *console.BLUEPRINTS, *phone.BLUEPRINTS):
        app.register_blueprint(blueprint)
