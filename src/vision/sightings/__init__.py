"""Tracks become one record per vehicle pass."""
