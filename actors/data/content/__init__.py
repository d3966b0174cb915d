"""What files are made of: chunks, manifests, kept versions."""
