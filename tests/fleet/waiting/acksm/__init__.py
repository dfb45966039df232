"""Stands for acksm in the processes of a fleet that wait for each other."""
