"""The plan of an install as files for a GitOps engine: Flux, Argo CD, kustomize; and CloudFormation for IAM."""
