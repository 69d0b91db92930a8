"""Whole weekends in a second: three ways to put jobs back, against neighbours of all kinds."""
