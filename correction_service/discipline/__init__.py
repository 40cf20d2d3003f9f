"""Rewards and penalties: prepared on facts, heard, decided by a second person, served, copied."""
