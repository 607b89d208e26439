"""NaturalThoughts: build versioned data sets of reasoning traces for the Hugging Face Hub."""

__version__ = "0.1.0"
