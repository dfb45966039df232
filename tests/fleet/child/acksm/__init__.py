"""Stands for acksm in the processes that a fleet starts."""
