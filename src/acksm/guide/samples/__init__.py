"""Guide §4: a sample of every kind, and the jobs that they run."""
