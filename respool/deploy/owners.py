"""The policies for the roles of other state machines, which their owners attach: one for each."""

import hashlib
from collections.abc import Iterable
from typing import Any

from chalicelib.job.claim import job_pk

_WHERE = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function"


def logical_id(machine: str) -> str:
    """The logical name of the policy in the stack, and of the output that has its ARN."""
    return f"PolicyOf{hashlib.sha256(machine.encode()).hexdigest()[:12]}"


def resources(machines: Iterable[str]) -> dict[str, Any]:
    """A policy for each machine; it stays when that is no longer listed, for a role may have it."""
    return {logical_id(machine): _policy(machine) for machine in machines}


def outputs(machines: Iterable[str]) -> dict[str, Any]:
    """An output for each policy, with its ARN."""
    return {
        logical_id(machine): {"Description": machine, "Value": {"Ref": logical_id(machine)}}
        for machine in machines
    }


def slots_of(task: str) -> str:
    """The leading key of a task's item."""
    return f"slots#{task}"


def _policy(machine: str) -> dict[str, Any]:
    write = {
        "Effect": "Allow",
        "Action": "dynamodb:UpdateItem",
        "Resource": {"Fn::GetAtt": ["Claims", "Arn"]},
        "Condition": {
            "ForAllValues:StringLike": {
                "dynamodb:LeadingKeys": [job_pk("*", machine), slots_of(f"{machine}/*")]
            }
        },
    }
    spool = {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": {"Fn::Sub": f"{_WHERE}:${{Prefix}}-error_spool"},
    }
    document = {"Version": "2012-10-17", "Statement": [write, spool]}
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Description": {
                "Fn::Sub": f"What {machine} needs so that ${{Prefix}} recovers its jobs"
            },
            "PolicyDocument": document,
        },
    }
