"""The hosts of a network: their inventory, rolling them out, waking and renting them."""
