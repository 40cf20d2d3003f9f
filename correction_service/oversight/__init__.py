"""法律监督: what the procurator's seat is shown, and opinions with their answers."""
