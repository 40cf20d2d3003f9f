"""The hardware edge: knows wires, not people; imports nothing of ours."""
