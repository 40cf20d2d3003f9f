"""Zones: drawn, judged, tried on the past; who is to keep apart."""
