"""Logs as JSON lines on standard error: ids and kinds, never names, numbers, places or pictures.

The text of an error can hold the row that it failed on, so what is logged of one is its kind and
where it was raised.
"""

import sys
import traceback

import structlog


def configure() -> None:
    """Set the process's logging; the command line does it once."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def place(error: BaseException) -> str:
    """Return where an error was raised, innermost frame of ours last: file, line and function."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    return " > ".join(f"{f.filename.rsplit('/', 1)[-1]}:{f.lineno} {f.name}" for f in ours[-3:])
