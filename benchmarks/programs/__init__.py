"""The measured programs: each runs in processes of its own and speaks `benchmarks.program`."""
