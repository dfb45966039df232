"""Charts and images of the controllers copied to a registry of one's own."""
