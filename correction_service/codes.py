"""Codes that people read aloud and type: no letter or digit that looks like another."""

import secrets

ALPHABET = "23456789ACDEFHJKMNPQRTVWXY"
LENGTH = 8  # 26⁸ ≈ 2·10¹¹


def new() -> str:
    """Draw a code such as 7K3M-92QX."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{drawn[:4]}-{drawn[4:]}"


def normalise(typed: str) -> str:
    """Return a typed code as it was given out, however it was spaced."""
    text = "".join(typed.upper().replace("-", "").split())
    return f"{text[:4]}-{text[4:]}"
