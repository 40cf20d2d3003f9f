"""What becomes of points: rules tried and dated, months closed, levels suggested, objections."""
