"""Models: found, checked, run."""
