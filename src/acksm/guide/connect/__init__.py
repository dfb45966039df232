"""Guide §2.1: the account and the cluster that a command works on, its rights there, and how its plan is carried out."""
