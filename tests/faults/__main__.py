"""`python -m tests.faults [ONLY] [--short]`: one JSON line a drill; ends with 1 on any loss."""

import argparse
import signal
import sys

from tests.faults.drills import DRILLS, run
from tests.faults.rig import LONG, SHORT


def main() -> int:
    """Run the drills whose name starts with ONLY: all, a fault, or a fault on one database."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="start of a drill's name")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    asked = parser.parse_args()
    pairs = [(name, kind) for name, drill in DRILLS.items() for kind in drill.kinds]
    wanted = [pair for pair in pairs if ".".join(pair).startswith(asked.only)]
    if not wanted:
        parser.error(f"no drill is called {asked.only!r}; there are: {', '.join(DRILLS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leave nothing running behind
    clean = True
    for name, kind in wanted:
        verdict = run(name, kind, SHORT if asked.short else LONG)
        sys.stdout.write(verdict.line() + "\n")
        sys.stdout.flush()
        clean = clean and verdict.ok
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
