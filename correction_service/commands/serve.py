"""`web`: the pages and the API on this machine, for a proxy to stand before."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication

from correction_service.access import Service
from correction_service.app import create_app
from correction_service.db import open_database
from correction_service.face import weights
from correction_service.face.thresholds import ThresholdsError, in_force
from correction_service.face.verifier import Verifier
from correction_service.face.weights import WeightsError
from correction_service.presence.beacon import Beacon
from correction_service.presence.judging import Judge
from correction_service.settings import Settings

THREADS = 64


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with our options: one process owns the face workers, threads serve."""

    def __init__(self, make: Callable[[], Flask], options: dict[str, Any]) -> None:
        self._make, self._options = make, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._make()


def application(settings: Settings, host: str, port: int) -> Flask:
    """Open what the routes stand on and make the application that answers at `host`:`port`."""
    verifier = Verifier(
        workers=settings.face_workers,
        queue_length=settings.face_queue,
        max_megapixels=settings.max_photo_megapixels,
        calibration=settings.face_calibration,
        own_embedder=settings.face_embedder,
    )
    Thread(target=verifier.warm, name="warm the face workers", daemon=True).start()
    database = open_database(settings)
    Judge(database, verifier, settings).start()
    Beacon(database, host, port).start()
    return create_app(Service(settings, database, verifier))


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.pass_obj
def web(settings: Settings, host: str, port: int) -> None:
    """Serve the console, the phone page and the API."""
    try:
        rows = weights.listed(settings.face_embedder)
        weights.locate(rows)
        in_force(settings.face_calibration, weights.model_version(rows))
    except (WeightsError, ThresholdsError) as error:
        raise click.ClickException(str(error)) from error
    options = {
        "bind": f"{host}:{port}",
        "workers": 1,
        "worker_class": "gthread",
        "threads": THREADS,
        "timeout": 120,
        "graceful_timeout": 10,
        "loglevel": "warning",
        "control_socket_disable": True,
    }
    _Server(lambda: application(settings, host, port), options).run()
