"""AWS's quotas, each once."""

BATCH = 10
"""SQS's own limit for one receive, delete or change."""

MAX_HIDDEN = 43_200
"""Seconds that a message can be out of sight, counted from its receive."""
MAX_RELEASED = MAX_HIDDEN - 900
"""What can be asked for later, by a Lambda that has had it for as long as Lambdas run."""
