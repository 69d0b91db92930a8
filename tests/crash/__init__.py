"""Every fault at every call on the way of a job, enumerated over AWS in memory."""
