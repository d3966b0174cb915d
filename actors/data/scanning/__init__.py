"""What is on the disk: scanning a tree, watching it, what is ignored."""
