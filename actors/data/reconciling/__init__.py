"""What is known of a tree, and what follows from it: records, merging, planning; all pure."""
