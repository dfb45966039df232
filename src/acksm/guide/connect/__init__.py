"""Guide §2.1: the account and the cluster that a command works on, the rights it has, and how a plan is carried out."""
