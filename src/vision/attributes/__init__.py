"""Vehicle type and color."""
