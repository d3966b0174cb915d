"""Computations: what runs, where, and how it moves."""
