"""The street that joins models and devices: use cases and the ways in."""
