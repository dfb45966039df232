"""`python -m acksm`."""

from acksm.cli import main

main()
