"""What the training programs of all models share."""
