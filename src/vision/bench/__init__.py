"""The site benchmark: how much a machine carries, and what that costs in accuracy."""
