"""What ACK is, without a cluster: chart versions and their features, kinds, names."""
