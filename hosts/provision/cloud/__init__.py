"""Rented machines: what is to exist, what does, and the clouds that have them."""
