"""The encrypted mesh between the hosts of a network: its plan, and what holds it."""
