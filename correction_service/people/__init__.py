"""What is known of a person and of their case."""
