"""Rolling hosts out in waves, by NixOps4."""
