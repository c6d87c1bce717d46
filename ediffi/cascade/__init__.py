"""From a small picture to a large one: super-resolution stages, in training and in use."""
