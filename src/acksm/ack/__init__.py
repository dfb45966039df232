"""What ACK is, without a cluster: chart versions and what they can do, kinds, names."""
