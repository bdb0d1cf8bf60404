"""Scores the models and the whole reader on folders of labelled pictures."""
