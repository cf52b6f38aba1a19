"""What recipes for labels and recipes for votes share: the loop, heads, checkpoints, exports."""
