"""A county being watched on this machine alone: embedded parts, invented people, a fleet."""
