"""What the law sets in numbers: legal days, clocks and limits, as data with source and mark."""
