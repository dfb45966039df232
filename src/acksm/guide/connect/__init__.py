"""Guide §2.1: the account and the cluster of a command, the caller's rights, and how a plan is applied."""
