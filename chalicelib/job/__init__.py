"""What a job is, and what to do with it. Pure: nothing here calls anything."""
