"""AWS's quotas, each once; the source is the quota page of the service that is named."""

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

# SQS: "Message quotas".
BATCH = 10
"""SQS: messages in one receive, delete or change."""
MAX_MESSAGE = 1_048_576
"""SQS: bytes of a message."""
RETENTION = 14 * 86_400
"""SQS: seconds that a message is kept at most."""
MAX_HIDDEN = 43_200
"""SQS: seconds that a message can be out of sight, counted from its receive."""
MAX_RELEASED = MAX_HIDDEN - 900
"""What can be asked for later, by a Lambda that has had it for as long as Lambdas run."""

BATCH_GET = 100
"""DynamoDB: keys of one BatchGetItem."""

MAX_INPUT = 262_144
"""Step Functions: bytes of an execution's input, and of a state's input, output or result."""
MAX_NAME = 80
"""Step Functions: characters of an execution's name."""
MAX_ERROR = 256
"""Step Functions: characters of an error's name."""
MAX_CAUSE = 32_768
"""Step Functions: characters of a cause."""
