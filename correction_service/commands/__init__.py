"""The commands, by subject. Each takes the settings from click's context."""
