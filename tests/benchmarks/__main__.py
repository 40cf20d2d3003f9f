"""Print one JSON object a line for every figure, or for those whose name starts with ONLY.

With `--write` they go into docs/performance.md as well, those of zones into docs/zones.md, those of
risk into docs/risk.md.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks import (
    crowd,
    face,
    history,
    ingest,
    performance,
    points,
    risk,
    risk_page,
    sweep,
    zones,
    zones_page,
)
from tests.benchmarks.figure import Figure

WRITE = "--write"
SUBJECTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "face": face.measure,
    "history": history.measure,
    "ingest.pg": ingest.on_a_server,
    "ingest.sqlite": ingest.on_a_file,
    "risk": risk.measure,
    "points": points.measure,
    "sweep": sweep.measure,
    **{f"zones.fa.{it}": partial(zones.false_alerts, it) for it in crowd.SETTINGS},
    "zones.updates": zones.updates,
}
PAGES: dict[str, Callable[[list[Figure]], None]] = {
    "risk": risk_page.write,
    "zones": zones_page.write,
}
LONG: dict[str, Callable[[], Iterator[Figure]]] = {  # only when asked for by name
    "ingest.pg.hold": ingest.held,
}


def wanted(only: str) -> list[Callable[[], Iterator[Figure]]]:
    """Who measures what this name means: "" is everything but what is long."""
    if only in LONG:
        return [LONG[only]]
    return [
        measure
        for subject, measure in SUBJECTS.items()
        if subject.startswith(only) or only.startswith(f"{subject}.")
    ]


def main() -> None:
    """Measure; a name that nothing is called is an error that lists the subjects."""
    words = [word for word in sys.argv[1:] if word != WRITE]
    only = words[0] if words else ""
    asked = wanted(only)
    if not asked:
        known = ", ".join([*SUBJECTS, *LONG])
        sys.exit(f"nothing is measured under {only!r}; subjects: {known}")
    for measure in asked:
        for figure in measure():
            if figure.name.startswith(only):
                sys.stdout.write(figure.line() + "\n")
                sys.stdout.flush()
                if WRITE in sys.argv:
                    PAGES.get(figure.name.partition(".")[0], performance.write)([figure])


if __name__ == "__main__":
    main()
