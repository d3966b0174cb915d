"""One module a figure; `benchmarks.catalogue` lists them in the order of the table."""
