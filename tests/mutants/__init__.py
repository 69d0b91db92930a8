"""Mutation tests: what the unit tests do not notice."""
