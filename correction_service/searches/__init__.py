"""Searches for who cannot be reached: drafted by software, declared, led and ended by officers."""
