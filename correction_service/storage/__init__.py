"""Telemetry in its tables: hot columns, closed days packed, both read alike."""
