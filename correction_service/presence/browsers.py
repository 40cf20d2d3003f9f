"""What a check-in came from: browser and major version, and the phone's model if it is said.

Enough to see that one kind of phone fails more often than others, too little to know a phone by:
thousands share a model, and no version of a system or an app is kept.
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
_SYSTEM = re.compile(r"\(([^()]*)\)")
_LANGUAGE = re.compile(r"[a-z]{2}([-_][A-Za-z]{4})?[-_][A-Za-z]{2}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .+_-]{1,39}")
_APPLE = frozenset({"iPhone", "iPad"})
_NO_MODEL = frozenset({"U", "wv", "Mobile", "Tablet", "HarmonyOS", "arm_64"})  # said beside it


def family(agent: str) -> str | None:
    """Read a User-Agent: "Chrome 116"; None for one that names no browser we know."""
    for name, pattern in FAMILIES:
        found = re.search(pattern, agent)
        if found:
            return f"{name} {int(found[1]) % 1000}"
    return None


def model(agent: str) -> str | None:
    """Read the model that a User-Agent names: "M2102K1AC", "iPhone"; None where it hides it."""
    system = _SYSTEM.search(agent)
    if system is None:
        return None
    parts = [part.strip() for part in system[1].split(";")]
    if parts[0] in _APPLE:
        return parts[0]
    place = next((at for at, part in enumerate(parts) if part.startswith("Android")), None)
    after = [] if place is None else [part.split(" Build/")[0] for part in parts[place + 1 :]]
    said = (part for part in after if part not in _NO_MODEL and not _LANGUAGE.fullmatch(part))
    named = next(said, "")  # "K" stands for every phone in Chrome, and is too short
    return named if _MODEL.fullmatch(named) else None
