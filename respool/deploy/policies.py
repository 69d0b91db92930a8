"""The functions' policies: one source for each, written out for the stage at hand."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from chalicelib.job.claim import job_pk
from respool.deploy.checks.findings import Malformed, read_json
from respool.deploy.definition import PLACEHOLDER, placeholders, rewrite
from respool.deploy.iam import listed

SOURCES = ".chalice/policies"
LEAST = f"{SOURCES}/uncertain_task.json"
"""Whose function may write its log and nothing else."""
KNOWN = frozenset({"Partition", "Region", "Account", "Prefix"})

ANY_JOB = "job@*"
"""To be read, of whatever machine: a task's index has jobs of one that is listed no more, too, and
one that may not be read would hide all that are read with it."""
SWEEPS, MACHINES = "ClaimsSlotsAndRamps", "stage#machines"
"""The statement with the sweep's rights, and the item that it needs where machines are listed."""
ROLE_POLICY = 10_240
"""Characters of all policies in a role, without spaces."""

Policy = dict[str, Any]

TERRAFORM = {
    "Partition": "${data.aws_partition.chalice.partition}",
    "Region": "${data.aws_region.chalice.name}",
    "Account": "${data.aws_caller_identity.chalice.account_id}",
}
_CLOUDFORMATION = {
    "Partition": "${AWS::Partition}",
    "Region": "${AWS::Region}",
    "Account": "${AWS::AccountId}",
}


def read(project: Path, function: str) -> Policy:
    """The source of a function's policy. Raises Malformed."""
    name = f"{SOURCES}/{function}.json"
    if not (project / name).exists():
        raise Malformed(
            f"{name}: there is no such file. Restore it; for a new Lambda copy {LEAST} to it and"
            " write its name into the log group there."
        )
    policy = read_json(project / name, name)
    if unknown := sorted(placeholders(policy) - KNOWN):
        raise Malformed(
            f"{name}: ${{{unknown[0]}}} stands for nothing. Use one of"
            f" {', '.join(f'${{{one}}}' for one in sorted(KNOWN))}."
        )
    return policy


def may_ask(policy: Policy, function: str) -> Policy:
    """The policy with the right to ask the service's health check, a Lambda by its ARN."""
    asks = {
        "Sid": "AskTheService",
        "Effect": "Allow",
        "Action": ["lambda:InvokeFunction"],
        "Resource": function,
    }
    return policy | {"Statement": [*policy["Statement"], asks]}


def serving(policy: Policy, machines: Iterable[str]) -> Policy:
    """The policy with the same rights on these state machines, and on their jobs' items."""
    names = list(machines)
    if not names:
        return policy
    served = [_serving(one, names) for one in policy["Statement"]]
    return policy | {"Statement": [*served, *_reading(policy, names)]}


def _reading(policy: Policy, machines: list[str]) -> list[dict[str, Any]]:
    """What tells a watched machine's execution from an adopted one's, where deaths are caught."""
    caught = any("dead#*" in json.dumps(one) for one in policy["Statement"])
    where = "arn:${Partition}:states:${Region}:${Account}:execution"
    reads = {
        "Sid": "ByWhichDefinitionTheyRan",
        "Effect": "Allow",
        "Action": ["states:DescribeStateMachineForExecution"],
        "Resource": [f"{where}:{name}:*" for name in machines],
    }
    return [reads] if caught else []


def _serving(statement: Policy, machines: list[str]) -> Policy:
    result = dict(statement)
    own = listed(statement["Resource"])
    if ":states:" in own[0]:
        theirs = [one.replace("${Prefix}", name) for name in machines for one in own]
        result["Resource"] = [*own, *theirs]
    keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    if job_pk("*") in (leading := keys.get("dynamodb:LeadingKeys", [])):
        more = [] if ANY_JOB in leading else [job_pk("*", name) for name in machines]
        more += [MACHINES] if statement["Sid"] == SWEEPS else []
        bound = {"dynamodb:LeadingKeys": [*leading, *more]}
        result["Condition"] = {"ForAllValues:StringLike": bound}
    return result


def refuse_large(name: str, policy: Policy) -> None:
    """Raise Malformed where a rendered policy is longer than a role's own policies may be."""
    size = len("".join(json.dumps(policy, separators=(",", ":")).split()))
    if size > ROLE_POLICY:
        raise Malformed(
            f"MACHINES names too many state machines: the policy of {name} has {size}"
            f" characters, and IAM takes {ROLE_POLICY}. Give some of them a stage of their own."
        )


def rendered(policy: Policy, values: Mapping[str, str]) -> Policy:
    """The policy with its placeholders filled."""
    filled: Policy = rewrite(policy, lambda text: PLACEHOLDER.sub(lambda m: values[m[1]], text))
    return filled


def for_cloudformation(policy: Policy, prefix: str) -> Policy:
    """The policy for a template that knows its account only when it is deployed."""
    values = {**_CLOUDFORMATION, "Prefix": prefix}

    def join(text: str) -> Any:
        filled = PLACEHOLDER.sub(lambda m: values[m[1]], text)
        return {"Fn::Sub": filled} if "${" in filled else filled

    joined: Policy = rewrite(policy, join)
    return joined
