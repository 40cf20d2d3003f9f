"""What a rule says when it refuses. The edges turn each into problem+json, a page or a CLI line.

A message is an English sentence and the key of its translation; facts fill its %(name)s places.
Messages carry no personal data: they reach logs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as filled
from typing import Any


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


@dataclass(frozen=True)
class Choice:
    """One way to answer a question: `title` is a sentence and the key of its translation.

    `shape` is what would be made, GeoJSON in WGS-84, to be shown on a map; it goes to no log.
    """

    value: str
    title: str
    facts: dict[str, Any] = filled(default_factory=dict)
    shape: dict[str, Any] | None = None


class Unclear(Invalid):
    """The input can be meant in several ways, so it is asked about and never guessed.

    `answer` names the parameter to send the same input with once more: one of the choices' values,
    or for `answer="reason"` why all that the choices say is meant.
    """

    code = "unclear"

    def __init__(
        self, message: str, *, field: str, answer: str, choices: Sequence[Choice], **facts: object
    ) -> None:
        super().__init__(message, field=field, code=type(self).code, **facts)
        self.answer = answer
        self.choices = choices


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
