"""What came out of a study: `python -m shared_affect.show` runs `results.show`."""

from shared_affect.results.show import main

if __name__ == "__main__":
    main()
