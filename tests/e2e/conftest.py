"""Fixtures: the application behind a real HTTP server, and a real Chromium to use it with."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from playwright.sync_api import Browser, Playwright, ViewportSize, expect, sync_playwright
from werkzeug.serving import make_server

from tests.faces import FacePhotos, face_photos

__all__ = ["FacePhotos", "face_photos"]

expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
PHONE_SCREEN: ViewportSize = {"width": 360, "height": 640}
Live = Callable[[Flask], str]
OpenBrowser = Callable[..., Browser]


@contextmanager
def _served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def live() -> Iterator[Live]:
    """Serve an application on a free port until the test ends; forms need their CSRF tokens."""
    with ExitStack() as servers:

        def serve(app: Flask) -> str:
            app.config["WTF_CSRF_ENABLED"] = True
            return servers.enter_context(_served(app))

        yield serve


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture
def browser(request: pytest.FixtureRequest) -> Iterator[OpenBrowser]:
    """Open Chromium; with `camera`, a Motion-JPEG file is what its camera sees.

    Without `allow` nobody answers when the page asks for the camera: that is a refusal.
    """
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("NO CHROMIUM: install Debian's `chromium`, or set CHROMIUM to its path")
    playwright: Playwright = request.getfixturevalue("playwright")
    with ExitStack() as opened:

        def launch(camera: Path | None = None, *, allow: bool = True) -> Browser:
            flags = ["--no-sandbox"] if os.geteuid() == 0 else []
            if camera is not None:
                flags += [
                    "--use-fake-device-for-media-stream",
                    f"--use-file-for-fake-video-capture={camera}",
                ]
                flags += ["--use-fake-ui-for-media-stream"] if allow else []
            made = playwright.chromium.launch(executable_path=program, args=flags)
            opened.callback(made.close)
            return made

        yield launch
