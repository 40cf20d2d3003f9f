"""What others can check without us: signed heads of the log, and evidence that verifies offline."""
