"""Measures what replay costs, beside the article's loop on the same adapters."""
