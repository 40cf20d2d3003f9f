"""`python -m tests.faults [ONLY] [--short]`: one JSON line a drill; ends with 1 on any loss.

Drills that this host has not the parts for are named in one more line, the last.
"""

import argparse
import json
import signal
import sys

from tests.faults.drills import all_of_them
from tests.faults.rig import LONG, SHORT


def main() -> int:
    """Run the drills whose name starts with ONLY: all, a fault, or a fault on one database."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="start of a drill's name")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    asked = parser.parse_args()
    wanted = {name: drill for name, drill in all_of_them().items() if name.startswith(asked.only)}
    if not wanted:
        parser.error(f"no drill is called {asked.only!r}; there are: {', '.join(all_of_them())}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # leave nothing running behind
    clean, skipped = True, []
    for drill in wanted.values():
        verdict = drill(SHORT if asked.short else LONG)
        sys.stdout.write(verdict.line() + "\n")
        sys.stdout.flush()
        clean = clean and verdict.ok
        skipped += [verdict.drill] if verdict.skipped else []
    if skipped:
        sys.stdout.write(json.dumps({"skipped": skipped}) + "\n")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
