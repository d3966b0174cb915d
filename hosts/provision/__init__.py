"""Waking, renting and letting go of machines."""
