"""What runs on people's machines: the command line, the deploy, the local AWS. Never in Lambda."""
