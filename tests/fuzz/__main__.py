"""`python -m tests.fuzz [COUNT] [SEED]`: one JSON line of counts; ends with 1 at a violation."""

import argparse
import random
import sys

from tests.fuzz.run import Found, run


def main() -> int:
    """Try COUNT payloads bred from SEED, which is drawn and printed where none is given."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=100_000, help="how many payloads")
    parser.add_argument("seed", nargs="?", type=int, help="the same seed, the same payloads")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if asked.seed is None else asked.seed
    try:
        tally = run(asked.count, seed)
    except Found as found:
        sys.stderr.write(f"seed {seed}: {found}\n")
        return 1
    sys.stdout.write(tally.line() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
