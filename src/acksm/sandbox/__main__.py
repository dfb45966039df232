"""`python -m acksm.sandbox OPTIONS.json`: the sandbox's own process, started by `acksm.sandbox.api.up`."""

from acksm.sandbox.daemon import main

if __name__ == "__main__":
    main()
