"""What a camera's picture means: where to look, lanes, counting lines, zones, meters."""
