"""`make verify`: the whole way of a job, on a stage of its own in a real account."""
