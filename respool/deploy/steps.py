"""Decides what to do with the companion stack, from what state it is in. Touches nothing."""

from enum import Enum


class Step(Enum):
    """What to do with the stack."""

    CREATE = "create"
    UPDATE = "update"
    RECREATE = "recreate"
    """Nothing in it ever worked: delete what is left of it, then create it."""
    REFUSE = "refuse"
    SHRINK = "shrink"
    """Update it down to what is retained."""
    DELETE = "delete"
    NOTHING = "nothing"


ABSENT = ("", "DELETE_COMPLETE")
UPDATABLE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
)
LEFTOVERS = (
    "CREATE_FAILED",
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "DELETE_FAILED",
    "IMPORT_ROLLBACK_COMPLETE",
    "IMPORT_ROLLBACK_FAILED",
)


def is_settled(status: str) -> bool:
    """Whether CloudFormation works on it no longer; a change set under review waits for us."""
    return not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS"


ENDS = (
    *UPDATABLE,
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_FAILED",
    "IMPORT_ROLLBACK_COMPLETE",
    "IMPORT_ROLLBACK_FAILED",
    "DELETE_COMPLETE",
    "DELETE_FAILED",
)
"""How an operation of ours can end; CREATE_FAILED and UPDATE_FAILED pass on to a rollback."""


def has_ended(status: str) -> bool:
    """Whether the operation whose latest event has this status is over."""
    return status in ENDS


def before_deploy(status: str) -> Step:
    """What a deploy does with a settled stack; `status` is empty where there is none."""
    if status in ABSENT or status == "REVIEW_IN_PROGRESS":
        return Step.CREATE
    if status in UPDATABLE:
        return Step.UPDATE
    return Step.RECREATE if status in LEFTOVERS else Step.REFUSE


def before_delete(status: str, kept: bool) -> Step:
    """What a delete does with a settled stack; `kept`: jobs still wait in it.

    A stack that can't be updated is deleted even then: what holds the jobs is retained, and the
    next deploy adopts it.
    """
    if status in ABSENT:
        return Step.NOTHING
    return Step.SHRINK if kept and status in UPDATABLE else Step.DELETE


def trigger_wanted(before: bool | None) -> bool:
    """Whether the trigger is to be enabled after a deploy: as it was before, at first disabled."""
    return bool(before)


def remedy_for(stack: str, status: str, options: str = "") -> str:
    """What a person does about a stack that a deploy refuses."""
    if status in ("UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"):
        return (
            f"CloudFormation could not take back an earlier update of the stack {stack} ({status})."
            f" Run: aws cloudformation continue-update-rollback --stack-name {stack}{options}"
            " and then deploy again."
        )
    return (
        f"The stack {stack} is {status}, which no deploy can go on from. Look at it in the"
        " CloudFormation console and deploy again when it is complete."
    )
