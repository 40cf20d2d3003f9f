"""The life of a case from its first paper to its last: intake, plan, change of place, release."""
