"""The storybook: a small world that draws itself, so that every picture comes with its exact truth."""
