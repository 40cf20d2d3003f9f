"""The files that operators use, and the documents that explain them."""
