"""Bracelets and gateways: whose they are, what they are asked, who works on them."""
