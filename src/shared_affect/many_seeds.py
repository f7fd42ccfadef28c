"""Several runs side by side: `python -m shared_affect.many_seeds` runs `results.many_seeds`."""

from shared_affect.results.many_seeds import main

if __name__ == "__main__":
    main()
