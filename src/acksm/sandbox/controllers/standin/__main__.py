"""`python -m acksm.sandbox.controllers.standin FLAGS`, started as the pod's program."""

import sys

from acksm.sandbox.controllers.standin.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
