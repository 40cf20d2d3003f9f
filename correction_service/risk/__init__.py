"""Who may be slipping away: facts read at once for the whole register, weighed by a file."""
