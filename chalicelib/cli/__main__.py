"""`python -m chalicelib.cli` is `respool`."""

from chalicelib.cli import main

if __name__ == "__main__":
    main()
