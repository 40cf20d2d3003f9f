#!/usr/bin/env python
"""Drive the console through its proxy as a head would: enrol, order, fit, record one check-in.

smoke.py SITE CA_FILE USERNAME PASSWORD DEVICE; smoke.sh starts what it talks to.
"""

import re
import secrets
import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
OFFICE = re.compile(r'<option value="(\d+)"[^>]*>\s*甲司法所')
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()


class Console:
    """A signed-in browser without a screen."""

    def __init__(self, site: str, ca_file: str) -> None:
        self._http = httpx.Client(
            base_url=site, verify=ca_file, headers={"Referer": site, "Accept-Language": "en"}
        )

    def page(self, path: str) -> str:
        """Return a page, or say which one failed."""
        answer = self._http.get(path)
        if answer.status_code != httpx.codes.OK:
            sys.exit(f"GET {path}: {answer.status_code}")
        return answer.text

    def send(self, form: str, path: str, **fields: str) -> str:
        """Send what the page `form` would to `path`; return where it leads."""
        found = TOKEN.search(self.page(form))
        if found is None:
            sys.exit(f"{form} has no token against forgery")
        answer = self._http.post(path, data={"csrf_token": found[1], **fields})
        if answer.status_code != httpx.codes.FOUND:
            sys.exit(f"POST {path}: {answer.status_code} {_complaint(answer.text)}")
        return answer.headers["Location"]


def _complaint(page: str) -> str:
    return " ".join(re.findall(r'class="[^"]*error[^"]*"[^>]*>([^<]+)<', page))


def main() -> None:
    """Walk the way from a sign-in to a check-in."""
    site, ca_file, username, password, device = sys.argv[1:]
    console = Console(site, ca_file)
    console.send("/sign-in", "/sign-in", username=username, password=password)
    fresh = secrets.token_urlsafe()
    console.send("/password", "/password", old=password, new=fresh)
    case = enrol(console)
    steps = f"/enrol/{case}"
    console.send(steps, f"{steps}/team", member_name="丙", member_sex="female", part="officer")
    console.send(steps, f"{steps}/report-in", reported_on=f"{TODAY}")
    console.send(steps, f"{steps}/home", division="520303")
    console.send(
        steps,
        f"{steps}/order",
        ground="breach_penalised",
        evidence="治安处罚决定书",
        starts_on=f"{TODAY}",
        ends_on=f"{TODAY + timedelta(days=30)}",
    )
    console.send(steps, f"{steps}/bracelet", device=device)
    console.send(f"/cases/{case}", f"/cases/{case}/attest", way="officer_visit", note="冒烟")


def enrol(console: Console) -> int:
    """Enrol an invented person; return the case's id."""
    office = OFFICE.search(console.page("/enrol/"))
    if office is None:
        sys.exit("the form of enrolment does not offer the office")
    leads_to = console.send(
        "/enrol/",
        "/enrol/",
        name="冒烟",
        id_kind="resident",
        id_number="11010519491231002X",  # the example of GB 11643
        category="suspended_sentence",
        deciding_authority="冒烟县人民法院",
        effective_on=f"{TODAY - timedelta(days=5)}",
        term_start=f"{TODAY - timedelta(days=5)}",
        term_end=f"{TODAY + timedelta(days=300)}",
        office=office[1],
    )
    return int(leads_to.rpartition("/")[2].partition("#")[0])


if __name__ == "__main__":
    main()
