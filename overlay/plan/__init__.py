"""What the overlay is to be, computed from the inventory alone. Pure: data in, data out."""
