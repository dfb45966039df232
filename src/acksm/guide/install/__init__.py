"""Guide §3: both controllers: CRDs, releases, upgrades, and the state that they are in."""
