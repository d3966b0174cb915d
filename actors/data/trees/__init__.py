"""Trees as a host has them: their journal, their sync, their actor."""
