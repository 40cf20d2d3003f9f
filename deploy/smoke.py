#!/usr/bin/env python
"""Work through the proxy as a head would: enrol, order, fit a bracelet, record one check-in.

smoke.py SITE CA_FILE USERNAME PASSWORD OFFICE_ID DEVICE; smoke.sh starts what it talks to.
"""

import re
import secrets
import sys
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
TIMEOUT_S = 30  # the first page loads every template


class Browser:
    """A browser without a screen: it keeps cookies and shows the page's token at every post."""

    def __init__(self, site: str, ca_file: str) -> None:
        headers = {"Referer": site, "Accept-Language": "en"}
        self._http = httpx.Client(base_url=site, verify=ca_file, headers=headers, timeout=TIMEOUT_S)

    def send(self, page: str, path: str, **form: str) -> None:
        """Send a form of a page; what is not answered by a redirect has failed."""
        self._post(page, path, httpx.codes.FOUND, data=form)

    def tell(self, page: str, path: str, **entry: object) -> dict[str, Any]:
        """Send JSON from a page; return what was made."""
        made: dict[str, Any] = self._post(page, path, httpx.codes.CREATED, json=entry).json()
        return made

    def _post(self, page: str, path: str, wanted: httpx.codes, **body: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        shown = self._http.get(page)
        found = TOKEN.search(shown.text)
        if found is None or shown.status_code != httpx.codes.OK:
            sys.exit(f"GET {page}: {shown.status_code}, or no token against forgery")
        answer = self._http.post(path, headers={"X-CSRFToken": found[1]}, **body)
        if answer.status_code != wanted:
            sys.exit(f"POST {path}: {answer.status_code} {answer.text[:1000]}")
        return answer


def main() -> None:
    """Walk the way from a sign-in to a check-in."""
    site, ca_file, username, password, office_id, device = sys.argv[1:]
    browser = Browser(site, ca_file)
    browser.send("/sign-in", "/sign-in", username=username, password=password)
    browser.send("/password", "/password", old=password, new=secrets.token_urlsafe())
    case = enrol(browser, int(office_id))
    page, api = f"/enrol/{case}", f"/api/v1/cases/{case}"
    browser.tell(page, f"{api}/team", name="丙", sex="female", part="officer")
    browser.send(page, f"{page}/report-in", reported_on=f"{TODAY}")
    browser.tell(
        page,
        f"{api}/orders",
        ground="breach_penalised",
        evidence="治安管理处罚决定书",
        facts=[{"kind": "penalty", "document": "冒烟行罚〔2026〕1号"}],
        starts_on=f"{TODAY}",
        ends_on=f"{TODAY + timedelta(days=30)}",
    )
    browser.send(page, f"{page}/bracelet", device=device)
    browser.send(f"/cases/{case}", f"/cases/{case}/attest", way="officer_visit", note="冒烟")


def enrol(browser: Browser, office_id: int) -> int:
    """Enrol an invented person with the example number of GB 11643; return the case's id."""
    since = TODAY - timedelta(days=5)
    made = browser.tell(
        "/enrol/",
        "/api/v1/cases",
        name="冒烟",
        id_number="11010519491231002X",
        category="suspended_sentence",
        deciding_authority="冒烟县人民法院",
        effective_on=f"{since}",
        term_start=f"{since}",
        term_end=f"{TODAY + timedelta(days=300)}",
        office_id=office_id,
    )
    return int(made["id"])


if __name__ == "__main__":
    main()
