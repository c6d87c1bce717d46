"""Noise, denoisers, losses, solvers and guidance: no networks and no text."""
