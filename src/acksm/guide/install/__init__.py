"""Guide §3: both controllers: CRDs, releases, and the state that they are in."""
