"""What an office decides: orders, leave, flags, points; and what waits for it."""
