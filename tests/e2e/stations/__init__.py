"""Stations of a case's way: at each, people click and the database is looked at."""
