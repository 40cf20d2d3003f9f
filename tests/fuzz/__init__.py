"""Broken payloads by the million: each is refused with a reason, or taken and then valid."""
