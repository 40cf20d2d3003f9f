"""Check-ins: when they are due, how one is taken, what came of it."""
