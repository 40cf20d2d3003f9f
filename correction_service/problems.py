"""What went wrong, said once: problem+json (RFC 9457) under /api, a page everywhere else."""

import structlog
from apiflask import HTTPError
from flask import Flask, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from correction_service import telemetry
from correction_service.face.verifier import Busy
from models.errors import Choice, DomainError, Unclear

log = structlog.get_logger()


def said(error: DomainError | Choice) -> str:
    """Return the sentence of a refusal, or of a choice, in the reader's language."""
    sentence: str = gettext(error.title if isinstance(error, Choice) else error.message)
    return sentence % error.facts if error.facts else sentence


def problem(status: int, code: str, title: str, **more: object) -> Response:
    """Make an RFC 9457 answer; `code` is stable, `title` is for people."""
    body = {"type": f"urn:correction:{code}", "title": title, "status": status, **more}
    answer = jsonify({key: value for key, value in body.items() if value is not None})
    answer.status_code = status
    answer.mimetype = "application/problem+json"
    return answer


def _answer(status: int, code: str, title: str, **more: object) -> ResponseReturnValue:
    if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
        return problem(status, code, title, **more)
    return render_template("problem.html", status=status, title=title), status


def _refused(error: DomainError) -> ResponseReturnValue:
    return _answer(error.status, error.code, said(error), field=error.field)


def _asked(error: Unclear) -> ResponseReturnValue:
    choices = [{"value": it.value, "title": said(it)} for it in error.choices]
    more = {"field": error.field, "answer": error.answer, "choices": choices}
    return _answer(error.status, error.code, said(error), **more)


def _busy(error: Busy) -> ResponseReturnValue:
    title = gettext("Many people are checking in. Try again in %(seconds)d seconds.")
    answer = problem(503, "busy", title % {"seconds": error.retry_after_s})
    answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def _malformed(error: HTTPError) -> ResponseReturnValue:
    faults: dict[str, object] = next(iter((error.detail or {}).values()), {})
    field = next(iter(faults), None)
    title = gettext("%(field)s is missing or not of the right kind.")
    return _answer(error.status_code, "invalid", title % {"field": field}, field=field)


def _stale(_error: CSRFError) -> ResponseReturnValue:
    title = gettext("This page was open too long. Reload it and try again; nothing was saved.")
    return _answer(400, "stale_page", title)


def _http(error: HTTPException) -> ResponseReturnValue:
    titles = {
        404: gettext("There is no such page."),
        405: gettext("This cannot be done here."),
        413: gettext("The upload is too large."),
        429: gettext("Too many tries. Wait a minute and try again."),
    }
    status = error.code or 500
    return _answer(status, f"http_{status}", titles.get(status, gettext("The request failed.")))


def _fault(error: Exception) -> ResponseReturnValue:
    log.error(
        "request_failed",
        endpoint=request.endpoint,
        error=type(error).__name__,
        place=telemetry.place(error),
    )
    title = gettext("Something failed on our side. Nothing was saved; please try again.")
    return _answer(500, "fault", title)


def say(app: Flask) -> None:
    """Register the answers of every kind of failure."""
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(Unclear, _asked)
    app.register_error_handler(Busy, _busy)
    app.register_error_handler(HTTPError, _malformed)
    app.register_error_handler(CSRFError, _stale)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _fault)
