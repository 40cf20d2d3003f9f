"""Sign in, sign out, change the password, choose the language."""

from apiflask import APIBlueprint
from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_user, logout_user

from correction_service import access, accounts, locale
from correction_service.limits import DOOR, limiter
from correction_service.problems import said
from correction_service.web.targets import ours
from models.errors import DomainError
from models.user import User

blueprint = APIBlueprint("auth", __name__, enable_openapi=False)


class SignedIn:
    """What Flask-Login asks of an account: an id that dies with the session epoch."""

    def __init__(self, user: User) -> None:
        self._id = f"{user.id}:{user.session_epoch}"
        self.is_active = user.active

    def get_id(self) -> str:
        """Return the account's id and the epoch of its sessions."""
        return self._id


@blueprint.route("/sign-in", methods=["GET", "POST"])
@access.anyone
@limiter.limit(DOOR, methods=["POST"])
def sign_in() -> ResponseReturnValue:
    """Ask for name and password."""
    if request.method != "POST":  # HEAD too, or it would try the door past its limits
        return render_template("auth/sign_in.html", error=None)
    try:
        user = _check(request.form.get("username", ""), request.form.get("password", ""))
    except DomainError as refusal:
        return render_template("auth/sign_in.html", error=said(refusal)), refusal.status
    language = session.get("lang")
    session.clear()
    session.permanent = True
    if language:
        session["lang"] = language
    login_user(SignedIn(user))
    return redirect(ours(request.args.get("next"), url_for("console.home")))


def _check(username: str, password: str) -> User:
    """Return the account; failures are counted whether or not the door opens."""
    refusal: DomainError | None = None
    with access.writing() as session_:
        try:
            user = accounts.sign_in(session_, username.strip(), password, access.now())
        except DomainError as error:
            refusal = error
    if refusal is not None:
        raise refusal
    return user


@blueprint.post("/sign-out")
@access.signed_in
def sign_out() -> ResponseReturnValue:
    """End the account's sessions, here and on every other machine."""
    with access.writing() as session_:
        accounts.sign_out(session_.get_one(User, access.user().id))
    logout_user()
    session.clear()
    return redirect(url_for("auth.sign_in"))


@blueprint.route("/password", methods=["GET", "POST"])
@access.signed_in
def password() -> ResponseReturnValue:
    """Change one's own password; other sessions end."""
    error = None
    if request.method == "POST":
        try:
            with access.writing() as session_:
                user = session_.get_one(User, access.user().id)
                accounts.change_password(user, request.form["old"], request.form["new"])
        except DomainError as refusal:
            error = said(refusal)
        else:
            login_user(SignedIn(user))
            return redirect(url_for("console.home"))
    return render_template("auth/password.html", error=error), 422 if error else 200


@blueprint.post("/language")
@access.anyone
def language() -> ResponseReturnValue:
    """Keep the chosen language for this browser."""
    chosen = request.form.get("lang", "")
    if chosen in locale.LANGUAGES:
        session["lang"] = chosen
    return redirect(ours(request.form.get("next"), url_for("console.home")))
