"""权利: what people may ask as of right: a copy and correction of their data, petitions."""
