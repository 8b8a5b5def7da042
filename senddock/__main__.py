"""``python -m senddock``."""

from senddock.cli import main

if __name__ == "__main__":
    main()
