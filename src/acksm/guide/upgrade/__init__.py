"""Upgrades of the installed controllers: which versions, and what changes between them."""
