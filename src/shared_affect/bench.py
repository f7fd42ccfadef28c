"""The benchmarks: `python -m shared_affect.bench` runs `tools.bench`."""

from shared_affect.tools.bench import main

if __name__ == "__main__":
    main()
