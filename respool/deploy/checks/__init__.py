"""What can be told of a deployment before it is made: findings, with file and line."""
