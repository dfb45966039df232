"""Guide §2.2 and §2.3: the OIDC provider, the IAM role, who may assume it and what it may do."""
