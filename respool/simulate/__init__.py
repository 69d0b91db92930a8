"""Whole weekends in a second: three ways to put jobs back, against services of all kinds."""
