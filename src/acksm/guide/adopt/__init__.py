"""Guide §8: objects that exist in AWS become objects of the cluster."""
