"""Stands for acksm in the processes of a fleet of the benchmark."""
