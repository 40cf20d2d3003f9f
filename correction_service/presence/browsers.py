"""Which browser a check-in came from: its family and major version, and nothing that is finer.

Enough to see that one kind of phone fails more often than others, too little to know a phone by.
"""

import re

# The more particular names first: every one of these also calls itself Chrome or Safari.
FAMILIES = (
    ("WeChat", r"MicroMessenger/(\d+)"),
    ("Huawei", r"HuaweiBrowser/(\d+)"),
    ("MIUI", r"MiuiBrowser/(\d+)"),
    ("OPPO", r"HeyTapBrowser/(\d+)"),
    ("vivo", r"VivoBrowser/(\d+)"),
    ("QQ", r"M?QQBrowser/(\d+)"),
    ("UC", r"UCBrowser/(\d+)"),
    ("Samsung", r"SamsungBrowser/(\d+)"),
    ("Edge", r"Edg(?:A|iOS)?/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Chrome|CriOS)/(\d+)"),
    ("Safari", r"Version/(\d+).*Safari/"),
)


def family(agent: str) -> str | None:
    """Read a User-Agent: "Chrome 116"; None for one that names no browser we know."""
    for name, pattern in FAMILIES:
        found = re.search(pattern, agent)
        if found:
            return f"{name} {int(found[1]) % 1000}"
    return None
