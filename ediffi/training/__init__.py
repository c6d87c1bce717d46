"""Training: one loop for every network of the project, and the storybook's recipe in order."""
