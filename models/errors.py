"""What a rule says when it refuses. The edges turn each into problem+json, a page or a CLI line.

A message is an English sentence and the key of its translation; facts fill its %(name)s places.
Messages carry no personal data: they reach logs.
"""


class DomainError(Exception):
    """A rule's refusal: `code` is stable, `field` names the input to mend, if there is one."""

    status = 400
    code = "refused"

    def __init__(
        self, message: str, *, field: str | None = None, code: str = "", **facts: object
    ) -> None:
        self.message = message
        self.field = field
        self.facts = facts
        self.code = code or type(self).code
        super().__init__(message % facts if facts else message)


class Invalid(DomainError):
    """The input cannot be right: the field and the mend are named."""

    status = 422
    code = "invalid"


class Refused(DomainError):
    """The input is well formed; the law or the state of things forbids the act."""

    status = 409
    code = "refused"


class Forbidden(DomainError):
    """This user may not do this."""

    status = 403
    code = "forbidden"


class NotFound(DomainError):
    """No such thing, or none that this user may see."""

    status = 404
    code = "not_found"


class AppendOnlyError(Refused):
    """A row of an append-only table was about to be changed or removed."""

    code = "append_only"
