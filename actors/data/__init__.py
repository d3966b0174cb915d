"""Directory trees that several hosts have: chunks, what is where, and keeping them alike."""
