"""The storybook: a small world that draws itself, so every picture comes with its truth."""
