"""Reports: what a pool's labels say, and what they do not."""
