"""Between IRSA and EKS Pod Identity: what each pod has, and the way from one to the other (docs/identity.md)."""
