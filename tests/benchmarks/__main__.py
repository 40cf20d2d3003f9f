"""Print one JSON object a line for every figure, or for those whose name starts with ONLY."""

import sys
from collections.abc import Callable, Iterator

from tests.benchmarks import face, ingest, sweep
from tests.benchmarks.figure import Figure

SUBJECTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "face": face.measure,
    "ingest": ingest.measure,
    "sweep": sweep.measure,
}


def main() -> None:
    """Measure; a name that nothing is called is an error that lists the subjects."""
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    wanted = [subject for subject in SUBJECTS if only.split(".")[0] in {"", subject}]
    if not wanted:
        sys.exit(f"nothing is measured under {only!r}; subjects: {', '.join(SUBJECTS)}")
    for subject in wanted:
        for figure in SUBJECTS[subject]():
            if figure.name.startswith(only):
                sys.stdout.write(figure.line() + "\n")
                sys.stdout.flush()


main()
