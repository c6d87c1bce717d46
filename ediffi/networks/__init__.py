"""Layers, attention and U-Nets: tensors in, tensors out, no text and no noise schedules."""
