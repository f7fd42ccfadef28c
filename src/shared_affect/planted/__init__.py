"""The simulated world of the default study: texts, human data, small language models and their SAEs."""
