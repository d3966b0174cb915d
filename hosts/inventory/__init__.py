"""What hosts there are, as the user's `inventory.toml` says. Pure: data in, data out."""
