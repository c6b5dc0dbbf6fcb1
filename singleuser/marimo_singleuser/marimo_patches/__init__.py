"""Work-arounds for marimo, in marimo's own process."""
