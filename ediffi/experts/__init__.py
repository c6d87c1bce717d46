"""The tree of noise levels, how experts branch along it, and the ensemble that routes to them."""
