"""Incidents: raised by what is seen, given to who is on duty, closed by a person."""
