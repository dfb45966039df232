"""`python -m acksm`."""

from acksm.cli import process

process()
