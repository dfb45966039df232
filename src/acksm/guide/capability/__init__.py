"""EKS capabilities of type ACK: what they reconcile, and how services are taken out of them."""
