"""The paper's studies, one file each: `measure(...)` gives a frozen record, plots.py draws it."""
