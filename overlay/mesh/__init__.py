"""The mesh as it is, held against the plan: devices, routes, paths, keys and access on a host."""
