"""Education and public-benefit activity: arranged, attended by equal ways, counted in minutes."""
