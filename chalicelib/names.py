"""The fixed names of a stage's resources, derived from its prefix and nothing else."""

from dataclasses import dataclass

APP = "respool"
FUNCTIONS = ("uncertain_task", "error_spool", "reprocess", "admit", "authorizer")
UNCERTAIN_TASK = "UncertainTask"
"""The task that is known before any job has come to it."""


@dataclass(frozen=True)
class Names:
    """Names and ARNs of one stage's resources in one account and region."""

    prefix: str
    partition: str
    region: str
    account: str

    @classmethod
    def of_function(cls, function: str, arn: str) -> "Names":
        """Read them off a Lambda's name and any ARN of its account and region."""
        _, partition, _, region, account, *_ = arn.split(":")
        head, _, tail = function.rpartition("-")
        return cls(head if tail in FUNCTIONS else function, partition, region, account)

    @classmethod
    def of_caller(cls, prefix: str, arn: str, region: str) -> "Names":
        """The names in the account whose credentials have that ARN, as STS tells it."""
        _, partition, _, _, account, *_ = arn.split(":")
        return cls(prefix, partition, region, account)

    @property
    def spool(self) -> str:
        """The queue with a note for each parked job."""
        return f"{self.prefix}-spool"

    @property
    def stuck(self) -> str:
        """The queue of messages that have no claim: unreadable or unstartable ones."""
        return f"{self.prefix}-stuck"

    @property
    def table(self) -> str:
        """The DynamoDB table of claims, slots and deaths."""
        return f"{self.prefix}-claims"

    @property
    def secret(self) -> str:
        """The Secrets Manager secret with the console's token."""
        return f"{self.prefix}/console"

    @property
    def hook_secret(self) -> str:
        """The secret that signs what the webhook is sent."""
        return f"{self.prefix}/webhook"

    @property
    def topic_arn(self) -> str:
        """The SNS topic by which people are told."""
        return f"arn:{self.partition}:sns:{self.region}:{self.account}:{self.prefix}-alerts"

    @property
    def reprocess(self) -> str:
        """The replay Lambda."""
        return f"{self.prefix}-reprocess"

    @property
    def admit(self) -> str:
        """The Lambda that hands free slots to jobs in line."""
        return f"{self.prefix}-admit"

    @property
    def state_machine_arn(self) -> str:
        """The ARN of the stage's state machine."""
        return self._states(f"stateMachine:{self.prefix}")

    def execution_arn(self, name: str) -> str:
        """The ARN of the execution with that name, whether it exists or not."""
        return self._states(f"execution:{self.prefix}:{name}")

    def _states(self, resource: str) -> str:
        return f"arn:{self.partition}:states:{self.region}:{self.account}:{resource}"
