"""Drills: break one part of the running service, mend it, and count what was sent and stored."""
