"""文书: the printable forms of an office, as data, set as Chinese PDF, numbered and kept."""
