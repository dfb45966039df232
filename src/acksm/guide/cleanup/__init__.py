"""Guide §9: uninstall, objects first."""
