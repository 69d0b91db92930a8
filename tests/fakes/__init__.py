"""The AWS that respool needs, in memory: SQS, Step Functions and DynamoDB with their real rules.

For tests and benchmarks; nothing of it runs in Lambda. Time passes only when somebody says so.
"""
