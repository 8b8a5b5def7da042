"""All parts of `make bench` but the long one (`python -m bench.history`); each also runs alone."""

from bench import distance, door, latency, loopback, memory, priority


def main() -> None:
    """Measure and print everything."""
    for part in (latency, loopback, distance, memory, priority, door):
        part.main()


if __name__ == "__main__":
    main()
