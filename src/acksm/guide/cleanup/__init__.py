"""Guide §9: the way back, objects first."""
