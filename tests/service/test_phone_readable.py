"""Every page of the phone as a screen reader meets it: one heading, landmarks, labels, words."""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient

from correction_service.audit import SYSTEM
from correction_service.casework import points
from correction_service.db import Database
from models.person_request import RequestKind

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "path", "rect"})
NAMELESS = frozenset({"hidden", "submit", "button"})  # inputs that ask for nothing
FIELDS = frozenset({"input", "select", "textarea"})
SPOKEN = frozenset({"a", "button"})
NO_PAGES = frozenset({"phone.manifest", "phone.worker"})
LEAST = 12  # pages; fewer would mean that the walk missed its way


@dataclass
class Element:
    """An element with what is inside it, and whether it is hidden from everybody."""

    tag: str
    attributes: dict[str, str]
    hidden: bool
    parent: "Element | None" = None
    text: str = ""

    def named(self) -> bool:
        """Whether it is said by words of its own."""
        return bool(self.text.strip() or self.attributes.get("aria-label"))


@dataclass
class Reader(HTMLParser):
    """Reads a page into its elements, in order."""

    found: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        parent = self.open[-1] if self.open else None
        hidden = "hidden" in attributes or (parent is not None and parent.hidden)
        element = Element(tag, attributes, hidden, parent)
        self.found.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def read(page: str) -> list[Element]:
    reader = Reader()
    reader.feed(page)
    return reader.found


def faults(page: str) -> list[str]:
    """What would leave somebody who listens without a word."""
    elements = read(page)
    shown = [it for it in elements if not it.hidden]
    tags = Counter(it.tag for it in shown)
    found = [f"{tags[tag]} {tag}" for tag in ("html", "main", "h1", "title") if tags[tag] != 1]
    found += ["no language" for it in elements if it.tag == "html" and "lang" not in it.attributes]
    ids = Counter(it.attributes["id"] for it in elements if "id" in it.attributes)
    found += [f"id {name} twice" for name, times in ids.items() if times > 1]
    labels = {it.attributes.get("for") for it in elements if it.tag == "label"}
    found += [f"unlabelled {it.tag}" for it in elements if asks(it) and not labelled(it, labels)]
    found += [f"silent {it.tag}" for it in shown if it.tag in SPOKEN and not it.named()]
    found += [f"undescribed {it.tag}" for it in elements if it.tag == "svg" and not described(it)]
    found += [f"unsaid flash: {it.text}" for it in elements if unsaid(it)]
    return found


def asks(element: Element) -> bool:
    return element.tag in FIELDS and element.attributes.get("type") not in NAMELESS


def labelled(element: Element, labels: set[str | None]) -> bool:
    at = element.parent
    while at is not None and at.tag != "label":
        at = at.parent
    return at is not None or element.attributes.get("id", "") in labels


def described(element: Element) -> bool:
    return "aria-hidden" in element.attributes or "aria-label" in element.attributes


def unsaid(element: Element) -> bool:
    """A result that appears is announced: the first thing of a page excepted."""
    classes = element.attributes.get("class", "").split()
    return "flash" in classes and element.attributes.get("role") not in {"status", "alert", "note"}


def paths(app: Flask) -> list[str]:
    adapter = app.url_map.bind("localhost")
    plain = [
        adapter.build(rule.endpoint)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("phone.")
        and "GET" in (rule.methods or ())
        and not rule.arguments
        and rule.endpoint not in NO_PAGES
    ]
    return [*plain, *(f"/m/rights/{kind}" for kind in RequestKind)]


def test_every_page_is_read_out_whole(
    app: Flask, opened_phone: FlaskClient, database: Database
) -> None:
    with database.transaction(SYSTEM, "test") as session:
        points.install_default(session)
    walked = {path: opened_phone.get(path, follow_redirects=True) for path in paths(app)}
    assert len(walked) >= LEAST
    assert {
        path: answer.status_code for path, answer in walked.items() if answer.status_code != 200
    } == {}
    heard = {path: faults(answer.text) for path, answer in walked.items()}
    assert {path: found for path, found in heard.items() if found} == {}


def test_what_was_refused_or_done_is_announced(opened_phone: FlaskClient) -> None:
    refused = opened_phone.post("/m/rights/correction", data={}).text
    done = opened_phone.post("/m/rights/copy", data={}, follow_redirects=True).text
    assert 'role="alert"' in refused
    assert 'role="status"' in done
    assert faults(refused) == faults(done) == []


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<h1>a</h1><h1>b</h1>", "2 h1"),
        ('<input name="a">', "unlabelled input"),
        ('<button><svg aria-hidden="true"></svg></button>', "silent button"),
        ('<p id="a"></p><p id="a"></p>', "id a twice"),
    ],
)
def test_a_page_that_leaves_something_unsaid_is_found(page: str, found: str) -> None:
    assert found in faults(page)
