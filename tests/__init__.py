"""The rooms, mirrored."""
