"""Where a page may send a browser on to when a form or an address names the place."""

import re

# A browser reads a backslash as a slash and drops tabs and line ends: "/\x" and "//x" are a host.
_PATH = re.compile(r"/(?:[^/\\\x00-\x20][^\\\x00-\x20]*)?")


def ours(target: str | None, otherwise: str) -> str:
    """Return `target` when it is a path of this service, else `otherwise`."""
    return target if target and _PATH.fullmatch(target) else otherwise
