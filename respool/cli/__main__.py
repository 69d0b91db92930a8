"""`python -m respool.cli` is `respool`."""

from respool.cli import main

if __name__ == "__main__":
    main()
