"""Sightings against watch-lists: which listed plate a sighting may be of, and how probably."""
