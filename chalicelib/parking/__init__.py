"""A job's way out: onto the spool, out of a dead execution, off for good."""
