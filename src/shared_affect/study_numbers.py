"""One study's numbers in Markdown: `python -m shared_affect.study_numbers` runs `results.study_numbers`."""

from shared_affect.results.study_numbers import main

if __name__ == "__main__":
    main()
