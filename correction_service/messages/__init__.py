"""What leaves the house: notices to people, alerts to staff, each with proof that it arrived."""
