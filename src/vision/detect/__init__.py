"""Vehicles, and plates with four corners."""
