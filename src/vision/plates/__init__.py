"""Plates: read, decoded under a grammar, fused."""
