"""What takes longer than a glance at the sums: computed by a worker, kept as one document per study."""
