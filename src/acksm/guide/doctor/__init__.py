"""Checks of everything with their remedies, the checks of one object up to AWS, the support bundle."""
