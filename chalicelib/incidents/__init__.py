"""Incidents: one task's trouble as one thing, told once, and reported."""
