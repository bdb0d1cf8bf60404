"""Training code shared by the vehicle and the plate detector."""
