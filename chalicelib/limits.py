"""AWS's quotas, each once, with its source. None of these can be raised.

Sizes are bytes and times seconds, unless said otherwise.
"""

from datetime import timedelta

# Step Functions: "Service quotas", and the API's own references.
PAYLOAD = 262_144
"""Input, output or result of a state, and of an execution, in UTF-8."""
CAUSE = 32_768
"""Characters of a cause (StopExecution, and what a Fail state says)."""
NAME = 80
"""Characters of the name of an execution, a state machine or a state."""
EVENTS = 25_000
"""Events in an execution's history; it fails at the next one."""
DEFINITION = 1_048_576
"""A state machine's definition (CreateStateMachine)."""
RUNS = timedelta(days=365)
"""How long an execution may run."""
REMEMBERS = timedelta(days=90)
"""How long an execution is known after its end."""
REDRIVABLE = timedelta(days=14)
"""How long after its end an execution can be redriven (RedriveExecution)."""

ERROR_NAME = 256
"""Characters of an error's name (SendTaskFailure)."""

# DynamoDB: "Quotas".
BATCH_GET = 100
"""Keys of one BatchGetItem."""

# SQS: "Message quotas".
BATCH = 10
"""Messages in one receive, delete or change."""
RETENTION = 1_209_600
"""How long a message is kept at most: 14 days."""
MESSAGE = 1_048_576
"""A message with its attributes."""
MAX_HIDDEN = 43_200
"""How long a message can be hidden, counted from its receive: 12 hours."""
MAX_DELAY = MAX_HIDDEN - 900
"""The longest delay that a Lambda can still ask for when it has held a message for its time."""

# Lambda and CloudFormation: "Lambda quotas", "CloudFormation quotas".
VARIABLES = 4096
"""A function's environment variables, together."""
ANSWER = 6_291_556
"""What a function that is waited for may answer."""
GATEWAY = 29
"""Seconds after which API Gateway cuts a request off (its integration timeout)."""
TEMPLATE = 51_200
"""A template in the body of a request."""
STORED_TEMPLATE = 1_000_000
"""A template in a bucket: "1 MB", of which CloudFormation counts 1,000,000 bytes."""
