"""From a message of a gateway to a fix that may be stored, and what is known of each bracelet."""
