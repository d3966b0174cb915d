"""The running system: runtime, cluster, data, compute, and the node that joins them."""
