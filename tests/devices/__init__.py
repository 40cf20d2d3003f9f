"""The hardware edge, on real wires."""
