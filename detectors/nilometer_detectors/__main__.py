"""`python -m nilometer_detectors` is `nilometer`."""

from nilometer_detectors.cli import main

if __name__ == "__main__":
    main()
